"""How many schedulers a load asks for: by tables, and for any load."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock_platform.load import Load as StatedLoad
from penstock_platform.load import mean_wait_seconds
from penstock_runtime.domain.scaling import Load, Past, Rules, decide, inputs_of, need_of, predicted_delay

NOW = datetime(2026, 3, 4, tzinfo=UTC)
RULES = Rules(1, 6, delay_seconds=5, look_seconds=10, cooldown_up_seconds=30, cooldown_down_seconds=300)
IDLE = Load(
    at=NOW,
    ready=0,
    oldest_ready_seconds=0,
    running=0,
    arrivals_per_second=0,
    mean_seconds=10,
    schedulers=1,
    standbys=0,
    slots=4,
)


def load(**changes) -> Load:
    return replace(IDLE, **changes)


def past_of(now_load: Load, count: int, rules: Rules = RULES, *, earlier=(), **changes) -> Past:
    """Return a past in which looks every ten seconds, for ten minutes, saw `earlier` (by default the same load)."""
    begun = NOW - timedelta(seconds=600)
    past = Past(begun)
    for index in range(60):
        seen = earlier or (now_load,)
        one = replace(seen[min(index, len(seen) - 1)], at=begun + timedelta(seconds=10 * index))
        past = past.with_need(need_of(one, count, rules), 300)
    return replace(past.with_need(need_of(now_load, count, rules), 300), **changes)


def wanted(now_load: Load, count: int, rules: Rules = RULES, **past) -> int:
    return decide(now_load, count, rules, past_of(now_load, count, rules, **past)).wanted


@pytest.mark.parametrize(
    ("changes", "count", "expected"),
    [
        # Nothing to do: one fewer at a time.
        ({"schedulers": 4}, 4, 3),
        ({}, 1, 1),
        # Twelve wait for four slots that are taken; each takes 10 s. With 3 there are 8 free: 4 * 10 / 12 = 3.3 s.
        ({"ready": 12, "running": 4}, 1, 3),
        # All at once needs no more than the bound.
        ({"ready": 500, "running": 4}, 1, 6),
        # 0.5 blocks a second of 10 s are 5 slots busy on average: one scheduler (4 slots) never catches up.
        ({"arrivals_per_second": 0.5, "running": 4}, 1, 2),
        # 2 a second: 20 slots busy, so 6 of 4.
        ({"arrivals_per_second": 2, "running": 4}, 1, 6),
        # A long wait with every slot taken, though the mean says that it is soon over.
        ({"ready": 1, "oldest_ready_seconds": 60, "running": 4, "mean_seconds": 0.1}, 1, 2),
        # The same wait with a slot free is no lack of slots.
        ({"ready": 1, "oldest_ready_seconds": 60, "running": 3, "mean_seconds": 0.1}, 1, 1),
        # … and none comes on top of those that were asked for and are still to come; nor is one taken away meanwhile.
        ({"ready": 1, "oldest_ready_seconds": 60, "running": 4, "mean_seconds": 0.1}, 2, 2),
        # What runs is not taken away: 13 blocks need 4 schedulers of 4.
        ({"running": 13, "schedulers": 5}, 5, 4),
        ({"running": 13, "schedulers": 4}, 4, 4),
        # Nobody knows how long a block takes: 10 s is assumed.
        ({"ready": 12, "running": 4, "mean_seconds": None}, 1, 3),
        # Nobody says how many slots there are.
        ({"ready": 500, "slots": None, "schedulers": 0}, 2, 2),
        # Outside the bounds, whatever the load.
        ({"running": 24}, 9, 6),
        ({"slots": None}, 0, 1),
        # More would only stand by.
        ({"ready": 500, "running": 4, "standbys": 1}, 1, 1),
    ],
)
def test_what_a_steady_load_asks_for(changes, count, expected):
    assert wanted(load(**changes), count) == expected


def test_the_delay_of_a_steady_load_is_that_by_which_stacks_are_sized():
    stated = StatedLoad(runs_per_hour=360, blocks_per_run=1, block_seconds=30, peak=1)
    seen = load(arrivals_per_second=0.1, mean_seconds=30)
    for schedulers in (1, 2, 3):
        assert predicted_delay(seen, schedulers) == pytest.approx(mean_wait_seconds(stated, schedulers * 4))
    assert math.isinf(predicted_delay(load(arrivals_per_second=0.4), 1))


def test_one_look_is_no_reason_to_grow():
    burst = load(ready=40, running=4)
    assert wanted(burst, 1, earlier=(IDLE,)) == 1
    assert wanted(burst, 1) > 1
    alone = Past(NOW).with_need(need_of(burst, 1, RULES), 300)
    assert decide(burst, 1, RULES, alone).wanted == 1, "whoever has just begun to look waits for more looks"


def test_growth_waits_for_the_cooldown_after_growth_alone():
    busy = load(ready=12, running=4)
    assert wanted(busy, 1, grew_at=NOW - timedelta(seconds=29)) == 1
    assert wanted(busy, 1, grew_at=NOW - timedelta(seconds=30)) == 3
    assert wanted(busy, 1, shrank_at=NOW) == 3, "what was taken away too early comes back at once"


def test_shrinking_waits_for_the_cooldown_after_any_change():
    quiet = load(schedulers=3)
    for change in ("grew_at", "shrank_at"):
        assert wanted(quiet, 3, **{change: NOW - timedelta(seconds=299)}) == 3
        assert wanted(quiet, 3, **{change: NOW - timedelta(seconds=300)}) == 2


def test_one_busy_look_of_the_window_keeps_all():
    quiet, busy = load(schedulers=3), load(ready=30, running=12, schedulers=3)
    assert wanted(quiet, 3, earlier=[busy] * 40 + [quiet]) == 3
    assert wanted(quiet, 3, earlier=[busy] * 28 + [quiet]) == 2


def test_whoever_has_just_begun_to_look_takes_nothing_away():
    assert wanted(load(schedulers=3), 3, since=NOW - timedelta(seconds=299)) == 3


def test_between_enough_and_spare_nothing_moves():
    """0.28 a second of 10 s are 2.8 slots busy: enough for one of four, and too near to give up the second."""
    middling = load(arrivals_per_second=0.28, schedulers=2)
    assert need_of(middling, 2, RULES).enough == 1
    assert wanted(middling, 1) == 1
    assert wanted(middling, 2) == 2


def test_the_reason_is_in_words():
    busy = load(ready=12, running=4, arrivals_per_second=0.3)
    verdict = decide(busy, 1, RULES, past_of(busy, 1))
    assert verdict.reason.startswith("a block would wait ")
    assert verdict.reason.endswith(f"; {verdict.wanted} keep it within 5 s")
    over = load(ready=12, running=4, arrivals_per_second=1)
    assert "arrive faster than 1 can run them" in decide(over, 1, RULES, past_of(over, 1)).reason
    crowd = load(ready=500, running=24, schedulers=6)
    assert decide(crowd, 6, RULES, past_of(crowd, 6)).reason.endswith("6 is the most allowed")
    assert decide(crowd, 3, RULES, past_of(crowd, 3)).reason.endswith("6 is the most allowed")
    assert (
        decide(IDLE, 1, RULES, past_of(IDLE, 1)).reason
        == "a block waits 0 s for a slot, and that is the fewest allowed"
    )
    standby = load(ready=12, running=4, standbys=1)
    assert "REDIS_URL" in decide(standby, 1, RULES, past_of(standby, 1)).reason


def test_inputs_are_plain_json():
    over = load(ready=12, running=4, arrivals_per_second=1)
    inputs = inputs_of(over, need_of(over, 1, RULES), RULES, 1)
    assert inputs["predicted_delay_seconds"] is None
    assert {"ready": 12, "slots": 4, "least": 1, "most": 6, "enough": 4}.items() <= inputs.items()
    assert not any(isinstance(value, datetime) for value in inputs.values())


RATES = st.floats(0, 50, allow_nan=False)
LOADS = st.builds(
    Load,
    at=st.just(NOW),
    ready=st.integers(0, 2000),
    oldest_ready_seconds=st.floats(0, 1e5),
    running=st.integers(0, 200),
    arrivals_per_second=RATES,
    mean_seconds=st.none() | st.floats(0, 1e4),
    schedulers=st.integers(0, 12),
    standbys=st.integers(0, 2),
    slots=st.none() | st.integers(1, 16),
)
BOUNDS = st.tuples(st.integers(1, 8), st.integers(0, 8)).map(lambda pair: Rules(pair[0], pair[0] + pair[1]))
AGES = st.none() | st.integers(0, 900).map(lambda seconds: NOW - timedelta(seconds=seconds))


@given(
    now_load=LOADS, rules=BOUNDS, count=st.integers(0, 20), grew=AGES, shrank=AGES, earlier=st.lists(LOADS, max_size=3)
)
def test_never_outside_the_bounds_and_never_more_than_one_down(now_load, rules, count, grew, shrank, earlier):
    past = past_of(now_load, count, rules, earlier=earlier, grew_at=grew, shrank_at=shrank)
    found = decide(now_load, count, rules, past).wanted
    assert rules.least <= found <= rules.most
    if rules.least <= count <= rules.most:
        assert found >= count - 1
        if now_load.slots is not None and found < count:
            assert now_load.running <= found * now_load.slots, "never below what runs"


@given(
    now_load=LOADS,
    rules=BOUNDS,
    count=st.integers(1, 16),
    ready=st.integers(0, 500),
    more=RATES,
    running=st.integers(0, 50),
)
def test_more_load_never_asks_for_fewer(now_load, rules, count, ready, more, running):
    heavier = replace(
        now_load,
        ready=now_load.ready + ready,
        running=now_load.running + running,
        arrivals_per_second=now_load.arrivals_per_second + more,
    )
    assert wanted(heavier, count, rules) >= wanted(now_load, count, rules)


@given(now_load=LOADS, schedulers=st.integers(1, 20))
def test_more_schedulers_never_make_a_block_wait_longer(now_load, schedulers):
    assert predicted_delay(now_load, schedulers + 1) <= predicted_delay(now_load, schedulers)
