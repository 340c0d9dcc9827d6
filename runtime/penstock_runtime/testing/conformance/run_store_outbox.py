"""What every run store does with messages to people."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import UNMAPPED, BlockRun, BlockRunKind, BlockRunStatus, Run, RunStatus
from penstock_runtime.ports.outbox import FailedBlock, OutboxMessage
from penstock_runtime.ports.run_store import RunStore

NOW = datetime(2026, 3, 4, 5, 6, 7, 891000, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LEASE = timedelta(seconds=60)


def a_message(occasion: str = "r1/1/failure", to: str = "email", due: datetime = NOW) -> OutboxMessage:
    run_id = occasion.partition("/")[0]
    facts = {"pipeline": "p", "failed_blocks": [{"block": "load"}], "epoch": 1}
    return OutboxMessage(new_id(), "failure", run_id, to, occasion, created_at=due, due_at=due, payload=facts)


def record(store: RunStore, *messages: OutboxMessage) -> int:
    with store.transaction() as tx:
        return tx.record_messages(messages)


def claim(store: RunStore, to: str = "email", now: datetime = NOW) -> OutboxMessage | None:
    with store.transaction() as tx:
        return tx.claim_message(to, now, now + LEASE)


def all_of(store: RunStore) -> Sequence[OutboxMessage]:
    with store.transaction(read_only=True) as tx:
        return tx.messages(100).items


class OutboxConformance:
    """Subclass with a `store` fixture that gives an empty run store."""

    def test_a_message_comes_back_as_it_was_recorded(self, store: RunStore) -> None:
        message = a_message()
        assert record(store, message) == 1
        assert all_of(store) == [message]

    def test_one_occasion_tells_each_destination_once(self, store: RunStore) -> None:
        assert record(store, a_message(), a_message(to="slack")) == 2
        assert record(store, a_message(), a_message(to="slack"), a_message(to="webhook")) == 1
        assert sorted(one.destination for one in all_of(store)) == ["email", "slack", "webhook"]

    def test_what_is_rolled_back_was_never_recorded(self, store: RunStore) -> None:
        def break_off() -> None:
            with store.transaction() as tx:
                tx.record_messages([a_message()])
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            break_off()
        assert all_of(store) == []
        assert record(store, a_message()) == 1

    def test_many_recorders_of_one_occasion_record_it_once(self, store: RunStore) -> None:
        counts: list[int] = []
        start = threading.Barrier(6)

        def go() -> None:
            start.wait()
            counts.append(record(store, a_message()))

        threads = [threading.Thread(target=go) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(counts) == [0, 0, 0, 0, 0, 1]
        assert len(all_of(store)) == 1

    def test_a_claim_counts_a_try_and_hides_the_message_for_its_lease(self, store: RunStore) -> None:
        message = a_message()
        record(store, message)
        assert claim(store, now=NOW - SECOND) is None
        assert claim(store) == replace(message, tries=1, due_at=NOW + LEASE)
        assert claim(store, now=NOW + LEASE - SECOND) is None

    def test_a_try_that_never_said_how_it_went_is_repeated_under_the_same_id(self, store: RunStore) -> None:
        message = a_message()
        record(store, message)
        first, second = claim(store), claim(store, now=NOW + LEASE)
        assert first is not None
        assert second is not None
        assert (first.id, first.tries, second.id, second.tries) == (message.id, 1, message.id, 2)

    def test_a_claim_takes_the_longest_due_of_its_destination(self, store: RunStore) -> None:
        late, early = a_message("r1/1/failure", due=NOW), a_message("r2/1/failure", due=NOW - SECOND)
        other = a_message("r3/1/failure", to="slack", due=NOW - 2 * SECOND)
        record(store, late, early, other)
        taken = [claim(store), claim(store), claim(store)]
        assert [one.id if one else None for one in taken] == [early.id, late.id, None]

    def test_many_senders_never_claim_one_message_together(self, store: RunStore) -> None:
        record(store, *(a_message(f"r{index}/1/failure") for index in range(20)))
        taken: list[str] = []
        start = threading.Barrier(4)

        def go() -> None:
            start.wait()
            while (message := claim(store)) is not None:
                taken.append(message.id)

        threads = [threading.Thread(target=go) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(taken) == 20
        assert len(set(taken)) == 20

    def test_what_was_sent_is_never_due_again(self, store: RunStore) -> None:
        message = a_message()
        record(store, message)
        claim(store)
        with store.transaction() as tx:
            assert tx.message_sent(message.id, NOW + SECOND)
            assert not tx.message_sent(message.id, NOW + 2 * SECOND)
            assert not tx.message_sent("no such message", NOW)
            assert tx.waiting_messages() == {}
        assert claim(store, now=NOW + 100 * LEASE) is None
        assert all_of(store) == [replace(message, tries=1, due_at=None, sent_at=NOW + SECOND)]

    def test_a_failed_try_is_put_off_with_its_reason(self, store: RunStore) -> None:
        message = a_message()
        record(store, message)
        claim(store)
        with store.transaction() as tx:
            assert tx.put_off_message(message.id, 1, NOW + 5 * SECOND, "it does not answer")
            assert tx.waiting_messages() == {"email": NOW + 5 * SECOND}
        assert claim(store, now=NOW + 4 * SECOND) is None
        again = claim(store, now=NOW + 5 * SECOND)
        assert again is not None
        assert (again.id, again.tries, again.last_error) == (message.id, 2, "it does not answer")

    def test_a_message_that_is_given_up_says_why_and_is_not_due(self, store: RunStore) -> None:
        message = a_message()
        record(store, message)
        claim(store)
        with store.transaction() as tx:
            assert tx.give_up_message(message.id, 1, NOW + SECOND, "no such channel")
            assert not tx.give_up_message(message.id, 1, NOW + SECOND, "again")
            assert tx.waiting_messages() == {}
        expected = replace(message, tries=1, due_at=None, given_up_at=NOW + SECOND, last_error="no such channel")
        assert all_of(store) == [expected]

    def test_the_word_of_an_older_try_is_refused(self, store: RunStore) -> None:
        message = a_message()
        record(store, message)
        claim(store)
        claim(store, now=NOW + LEASE)
        with store.transaction() as tx:
            assert not tx.put_off_message(message.id, 1, NOW, "late")
            assert not tx.give_up_message(message.id, 1, NOW, "late")
        assert [(one.tries, one.due_at, one.last_error) for one in all_of(store)] == [(2, NOW + 2 * LEASE, None)]

    def test_what_was_sent_counts_even_from_an_older_try(self, store: RunStore) -> None:
        message = a_message()
        record(store, message)
        claim(store)
        claim(store, now=NOW + LEASE)
        with store.transaction() as tx:
            assert tx.give_up_message(message.id, 2, NOW, "it did not answer")
            assert tx.message_sent(message.id, NOW)
            assert not tx.put_off_message(message.id, 2, NOW, "late")
        assert [(one.sent_at, one.given_up_at, one.due_at) for one in all_of(store)] == [(NOW, None, None)]

    def test_waiting_messages_are_told_by_destination(self, store: RunStore) -> None:
        record(store, a_message(due=NOW + SECOND), a_message("r2/1/failure"), a_message(to="slack", due=NOW + LEASE))
        with store.transaction(read_only=True) as tx:
            assert tx.waiting_messages() == {"email": NOW, "slack": NOW + LEASE}

    def test_messages_are_listed_newest_first_page_by_page(self, store: RunStore) -> None:
        messages = [a_message(f"r{index}/1/failure", due=NOW + index * SECOND) for index in range(5)]
        record(store, *messages)
        with store.transaction(read_only=True) as tx:
            first = tx.messages(2)
            second = tx.messages(2, first.next_cursor)
            third = tx.messages(2, second.next_cursor)
        assert [*first.items, *second.items, *third.items] == messages[::-1]
        assert third.next_cursor is None

    def test_the_messages_of_a_run_are_found_without_those_of_others(self, store: RunStore) -> None:
        mine = [a_message("r1/1/failure"), a_message("r1/2/success", due=NOW + SECOND)]
        record(store, *mine, a_message("r10/1/failure"), a_message("r0/1/failure"))
        with store.transaction(read_only=True) as tx:
            assert tx.messages_of_run("r1") == mine
            assert tx.messages_of_run("r2") == []

    def test_the_failed_blocks_of_a_run_are_told_in_the_order_of_their_ends(self, store: RunStore) -> None:
        run = Run(new_id(), "p", RunStatus.RUNNING, 1, "b1", created_at=NOW)

        def row(block: str, status: BlockRunStatus, ended: int | None, index: int = UNMAPPED) -> BlockRun:
            kind = BlockRunKind.BLOCK if index == UNMAPPED else BlockRunKind.INSTANCE
            at = None if ended is None else NOW + ended * SECOND
            error = {"message": block} if status is BlockRunStatus.FAILED else None
            return BlockRun(new_id(), run.id, block, index, kind, status, 1, ended_at=at, error=error)

        failed = BlockRunStatus.FAILED
        with store.transaction() as tx:
            tx.insert_run(run)
            tx.insert_block_runs(
                [
                    replace(row("unit", failed, 0), kind=BlockRunKind.PIPELINE),
                    row("second", failed, 2),
                    row("first", failed, 1, index=3),
                    row("third", failed, 3),
                    row("fine", BlockRunStatus.SUCCEEDED, 0),
                    row("below", BlockRunStatus.UPSTREAM_FAILED, 0),
                    row("going", BlockRunStatus.RUNNING, None),
                ]
            )
            found = tx.failed_blocks(run.id, 2)
            names = [one.block for one in tx.failed_blocks(run.id, 10)]
        assert found == [
            FailedBlock("first", 3, {"message": "first"}),
            FailedBlock("second", -1, {"message": "second"}),
        ]
        assert names == ["first", "second", "third", "unit"]
