"""What every Wakeups does. Subclass it and give the fixtures `join` and `stranger`.

Each is called with the options `listen`, `echo` and `only`, and returns a subscriber: of one installation, or of
another one that has as much in common with the first as two installations may.
"""

from __future__ import annotations

import asyncio
import select
import threading
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from penstock_runtime.ports.wakeups import FOR_WORKERS, Wakeup, Wakeups

Join = Callable[..., Any]

WORK, RUN = Wakeup("work", "run-1"), Wakeup("run", "run-1")
PROBE = Wakeup("cancel", "probe")
PATIENCE_SECONDS = 20.0
SILENCE_SECONDS = 0.3
FLOOD = 20_000


def hear(wakeups: Wakeups, wanted: Collection[Wakeup]) -> Sequence[Wakeup]:
    """Return what came, once all that is wanted has."""
    heard: list[Wakeup] = []
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not set(wanted) <= set(heard):
        left = deadline - time.monotonic()
        assert left > 0, f"{wanted} did not come, but {heard}"
        select.select([wakeups.fileno()], [], [], left)
        heard += wakeups.drain()
    return heard


def settle(publisher: Wakeups, *listeners: Wakeups) -> None:
    """Return once the listeners hear the publisher, with nothing left to hear: joining may take a moment."""
    waiting = list(listeners)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while waiting:
        assert time.monotonic() < deadline, f"{len(waiting)} listeners hear nothing"
        publisher.publish(PROBE)
        select.select(waiting, [], [], 0.1)
        waiting = [one for one in waiting if PROBE not in one.drain()]
    for one in listeners:
        while select.select([one], [], [], SILENCE_SECONDS)[0]:
            one.drain()


class WakeupsConformance:
    """Behaviours of the port."""

    def test_everyone_else_hears(self, join: Join) -> None:
        one, two, three = join(), join(), join()
        settle(one, two, three)
        one.publish(WORK, RUN)
        assert set(hear(two, {WORK, RUN})) == set(hear(three, {WORK, RUN})) == {WORK, RUN}
        assert not select.select([one], [], [], SILENCE_SECONDS)[0]
        assert list(one.drain()) == []

    def test_an_echo_is_for_who_wants_it(self, join: Join) -> None:
        one, two = join(echo=True), join()
        settle(two, one)
        settle(one, two, one)
        one.publish(RUN)
        assert set(hear(one, {RUN})) == set(hear(two, {RUN})) == {RUN}

    def test_a_mere_publisher_is_heard(self, join: Join) -> None:
        listener, publisher = join(), join(listen=False)
        settle(publisher, listener)
        publisher.publish(RUN)
        assert set(hear(listener, {RUN})) == {RUN}

    def test_news_do_not_wake_who_only_wants_work(self, join: Join) -> None:
        worker, looker, publisher = join(only=FOR_WORKERS), join(), join(listen=False)
        settle(publisher, worker, looker)
        publisher.publish(RUN, Wakeup("log", "run-1/load"))
        assert len(hear(looker, {RUN, Wakeup("log", "run-1/load")})) == 2
        assert not select.select([worker], [], [], SILENCE_SECONDS)[0]
        publisher.publish(RUN, WORK)
        assert set(hear(worker, {WORK})) == {WORK}

    def test_the_descriptor_is_readable_while_there_is_something(self, join: Join) -> None:
        listener, publisher = join(), join(listen=False)
        settle(publisher, listener)
        publisher.publish(RUN)
        assert select.select([listener], [], [], PATIENCE_SECONDS)[0]
        assert select.select([listener], [], [], 0)[0], "it is read by looking at it"
        hear(listener, {RUN})
        assert not select.select([listener], [], [], SILENCE_SECONDS)[0]
        assert list(listener.drain()) == []

    def test_an_event_loop_waits_on_it(self, join: Join) -> None:
        listener, publisher = join(), join(listen=False)
        settle(publisher, listener)

        async def wait() -> Sequence[Wakeup]:
            heard: asyncio.Future[Sequence[Wakeup]] = asyncio.get_running_loop().create_future()

            def read() -> None:
                found = listener.drain()
                if found and not heard.done():
                    heard.set_result(found)

            asyncio.get_running_loop().add_reader(listener.fileno(), read)
            publisher.publish(RUN)
            try:
                return await asyncio.wait_for(heard, PATIENCE_SECONDS)
            finally:
                asyncio.get_running_loop().remove_reader(listener.fileno())

        assert list(asyncio.run(wait())) == [RUN]

    def test_another_installation_hears_nothing(self, join: Join, stranger: Join) -> None:
        listener, publisher, other, others = join(), join(listen=False), stranger(), stranger(listen=False)
        settle(publisher, listener)
        settle(others, other)
        while select.select([listener], [], [], 0)[0]:
            listener.drain()
        publisher.publish(WORK)
        hear(listener, {WORK})
        assert not select.select([other], [], [], SILENCE_SECONDS)[0]
        others.publish(RUN)
        assert set(hear(other, {RUN})) == {RUN}
        assert not select.select([listener], [], [], SILENCE_SECONDS)[0]

    def test_keys_come_as_they_were(self, join: Join) -> None:
        listener, publisher = join(), join(listen=False)
        settle(publisher, listener)
        keys = {"", "9c/ladä tabelle/3/1", "x" * 300, "'; NOTIFY", '"\\'}
        wanted = {Wakeup("log", key) for key in keys}
        publisher.publish(*wanted)
        assert set(hear(listener, wanted)) == wanted

    def test_a_flood_blocks_nobody_and_the_next_one_is_heard(self, join: Join) -> None:
        listener, publisher = join(), join(listen=False)
        settle(publisher, listener)
        began = time.monotonic()
        for number in range(FLOOD):
            publisher.publish(Wakeup("run", f"run-{number}"))
        assert time.monotonic() - began < PATIENCE_SECONDS
        deadline = time.monotonic() + PATIENCE_SECONDS
        while WORK not in listener.drain():
            assert time.monotonic() < deadline, "nothing is heard after a flood"
            publisher.publish(WORK)
            select.select([listener], [], [], 0.05)

    def test_any_thread_may_publish(self, join: Join) -> None:
        listener, publisher = join(), join(listen=False)
        settle(publisher, listener)
        wanted = [Wakeup("run", str(number)) for number in range(8)]  # a socket of the machine holds about ten
        threads = [threading.Thread(target=publisher.publish, args=(one,)) for one in wanted]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(hear(listener, wanted)) == set(wanted)

    def test_who_has_left_is_in_nobodys_way(self, join: Join) -> None:
        gone, listener, publisher = join(), join(), join(listen=False)
        settle(publisher, gone, listener)
        gone.close()
        gone.close()
        publisher.publish(RUN)
        assert set(hear(listener, {RUN})) == {RUN}
        publisher.close()
        publisher.close()

    def test_one_that_joins_again_hears_again(self, join: Join) -> None:
        publisher = join(listen=False)
        for _ in range(2):
            listener = join()
            settle(publisher, listener)
            listener.close()
