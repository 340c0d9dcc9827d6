"""Wake-ups between processes of one machine: quick, lossy, and never in the way."""

from __future__ import annotations

import select

import pytest

from penstock_runtime.persistence.unix_wakeups import UnixWakeups
from penstock_runtime.ports.wakeups import Wakeup

WORK = Wakeup("work", "run-1")


@pytest.fixture
def folder(tmp_path_factory):
    # A socket's path is short by nature.
    return tmp_path_factory.mktemp("w") / "s"


@pytest.fixture
def join(folder):
    """Make subscribers that are closed at the end."""
    made = []

    def make(**options):
        made.append(UnixWakeups(folder, **options))
        return made[-1]

    yield make
    for wakeups in made:
        wakeups.close()


def heard(wakeups):
    assert select.select([wakeups.fileno()], [], [], 5)[0], "no wake-up came"
    return wakeups.drain()


def test_everyone_else_hears_and_an_echo_is_for_who_wants_it(folder, join):
    one, two, three = join(), join(), join(echo=True)
    one.publish(WORK, Wakeup("run", "run-1"))
    assert heard(two) == heard(three) == [WORK, Wakeup("run", "run-1")]
    assert one.drain() == []
    three.publish(WORK)
    assert heard(three) == [WORK]
    for wakeups in (one, two, three):
        wakeups.close()
    assert not folder.exists(), "the last one takes the folder along"


def test_a_mere_publisher_is_not_heard_and_may_come_first(join):
    publisher = join(listen=False)
    publisher.publish(WORK)
    listener = join()
    publisher.publish(WORK)
    assert heard(listener) == [WORK]
    listener.close()
    publisher.publish(WORK)
    late = join()
    publisher.publish(WORK)
    assert heard(late) == [WORK]


def test_a_listener_that_died_is_cleared_away_and_a_full_one_blocks_nobody(folder, join):
    dead, full, well = join(), join(), join()
    dead._socket.close()
    publisher = join(listen=False)
    for _ in range(2000):
        publisher.publish(WORK)
        well.drain()
    publisher.publish(Wakeup("cancel", "run-2"))
    assert heard(well)[-1].topic == "cancel"
    assert len(list(folder.iterdir())) == 2
    assert set(full.drain()) == {WORK}
