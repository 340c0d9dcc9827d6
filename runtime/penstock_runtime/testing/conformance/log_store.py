"""What every LogStore does. Subclass it and give the fixture `store`, which is empty."""

from __future__ import annotations

import threading

import pytest

from penstock_runtime.ports.log_store import LogKey, LogStore, LogStoreFailed, encode_line

KEY = LogKey("run-1", "load", None, 1)


def lines(*messages: str) -> bytes:
    """Return encoded lines."""
    return b"".join(encode_line("2026-01-01T00:00:00.000000Z", "INFO", message) for message in messages)


class LogStoreConformance:
    """Behaviours of the port."""

    def test_what_is_appended_is_read_back_in_order(self, store: LogStore) -> None:
        store.append(KEY, lines("one", "two"))
        store.append(KEY, lines("three"))
        found, end = store.read(KEY)
        assert [line.message for line in found] == ["one", "two", "three"]
        assert end == store.size(KEY) > 0

    def test_reading_goes_on_from_an_offset(self, store: LogStore) -> None:
        store.append(KEY, lines(*map(str, range(10))))
        seen, offset = [], 0
        while True:
            found, following = store.read(KEY, offset, limit=3)
            if not found:
                break
            assert len(found) <= 3
            seen += [line.message for line in found]
            offset = following
        assert seen == list(map(str, range(10)))
        store.append(KEY, lines("later"))
        assert [line.message for line in store.read(KEY, offset)[0]] == ["later"]

    def test_a_log_that_is_not_there_is_empty(self, store: LogStore) -> None:
        assert store.read(KEY, 5) == ([], 5)
        assert store.size(KEY) == 0

    def test_half_a_line_is_not_read(self, store: LogStore) -> None:
        whole = lines("whole", "half")
        store.append(KEY, whole[:-4])
        found, offset = store.read(KEY)
        assert [line.message for line in found] == ["whole"]
        store.append(KEY, whole[-4:])
        assert [line.message for line in store.read(KEY, offset)[0]] == ["half"]

    def test_text_comes_back_as_it_was(self, store: LogStore) -> None:
        text = 'naïve\u2028 \r\n\ttab \x00 \\ " 漢字 \U0001f600'
        store.append(KEY, lines(text))
        assert store.read(KEY)[0][0].message == text

    def test_a_very_long_line_is_read(self, store: LogStore) -> None:
        store.append(KEY, lines("x" * 3_000_000, "after"))
        assert [len(line.message) for line in store.read(KEY)[0]] == [3_000_000, 5]

    def test_other_keys_of_a_line_are_kept(self, store: LogStore) -> None:
        store.append(KEY, encode_line("2026-01-01T00:00:00Z", "ERROR", "m", {"block": "b", "map_index": 3}))
        line = store.read(KEY)[0][0]
        assert (line.level, dict(line.extra)) == ("ERROR", {"block": "b", "map_index": 3})

    def test_a_damaged_line_is_shown_and_hides_no_other(self, store: LogStore) -> None:
        store.append(KEY, b'{"t": "20\xff\n' + lines("good"))
        found, _ = store.read(KEY)
        assert len(found) == 2
        assert found[1].message == "good"

    def test_each_attempt_and_instance_has_its_own_log(self, store: LogStore) -> None:
        keys = [LogKey("r", "b", index, attempt) for index in (None, 0, 1) for attempt in (1, 2)]
        for number, key in enumerate(keys):
            store.append(key, lines(str(number)))
        assert [store.read(key)[0][0].message for key in keys] == list("012345")

    def test_deleting_a_run_leaves_the_others(self, store: LogStore) -> None:
        other = LogKey("run-10", "load", None, 1)
        store.append(KEY, lines("gone"))
        store.append(other, lines("stays"))
        store.delete_run("run-1")
        store.delete_run("run-1")
        assert store.read(KEY)[0] == []
        assert len(store.read(other)[0]) == 1

    def test_two_threads_append_whole_chunks(self, store: LogStore) -> None:
        def write(name: str) -> None:
            for number in range(200):
                store.append(KEY, lines(f"{name} {number}", f"{name} {number}"))

        threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        messages = [line.message for line in store.read(KEY, limit=1000)[0]]
        assert len(messages) == 800
        assert messages[::2] == messages[1::2]

    @pytest.mark.parametrize("name", ["", "..", "a/b", "/etc"])
    def test_a_name_cannot_leave_the_store(self, store: LogStore, name: str) -> None:
        try:
            store.append(LogKey(name, "block", None, 1), lines("x"))
        except LogStoreFailed:
            return
        # A store for which such a name is harmless gives it back under that name and no other.
        assert [line.message for line in store.read(LogKey(name, "block", None, 1))[0]] == ["x"]
        assert store.read(KEY)[0] == []
