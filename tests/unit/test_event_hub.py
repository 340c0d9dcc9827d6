"""Changes reach those who asked for them, and nobody keeps more than is bounded."""

from __future__ import annotations

import asyncio

from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.server.event_hub import CAPACITY, EventHub, Listener, changes_of
from support.api_stack import PipeWakeups


def test_what_a_wake_up_means():
    assert changes_of(Wakeup("run", "r1")) == (("runs", "r1"), ("run:r1", "r1"))
    assert changes_of(Wakeup("log", "r1/block//2")) == (("log:r1", "r1/block//2"),)
    assert changes_of(Wakeup("code")) == (("pipelines", ""),)
    assert changes_of(Wakeup("work", "r1")) == ()


def test_a_listener_keeps_each_change_once_and_collapses_when_it_is_slow():
    async def scene():
        listener = Listener({"runs"})
        listener.offer(("pipelines", "x"))
        for _ in range(3):
            listener.offer(("runs", "r1"))
        first = await listener.wait(0)
        for number in range(CAPACITY * 3):
            listener.offer(("runs", f"r{number}"))
        return first, await listener.wait(0), await listener.wait(0)

    first, flood, nothing = asyncio.run(scene())
    assert first == (("runs", "r1"),)
    assert len(flood) <= CAPACITY
    assert ("runs", "") in flood
    assert nothing == ()


def test_wake_ups_are_handed_to_every_listener_until_the_hub_closes():
    async def scene():
        hub, wakeups = EventHub(), PipeWakeups()
        hub.start(wakeups)
        one, two = hub.listen({"runs"}), hub.listen({"run:r1"})
        wakeups.deliver(Wakeup("run", "r1"))
        seen = await one.wait(5), await two.wait(5)
        hub.forget(two)
        hub.announce(Wakeup("run", "r1"))
        seen += (await one.wait(5), await two.wait(0))
        hub.close()
        hub.close()
        last = await one.wait(5)
        late = hub.listen({"runs"})
        wakeups.close()
        return seen, last, one.closed, late.closed

    seen, last, closed, late_closed = asyncio.run(scene())
    assert seen == ((("runs", "r1"),), (("run:r1", "r1"),), (("runs", "r1"),), ())
    assert last == ()
    assert closed
    assert late_closed
