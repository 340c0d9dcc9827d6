"""The model of load, against tables of Erlang's formulas, a sum written out, and a simulation."""

from __future__ import annotations

import heapq
import math
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_platform.load import (
    ACCEPTED_WAIT_SECONDS,
    MOST_SLOTS,
    Load,
    chance_to_wait,
    mean_wait_seconds,
    slots_for,
    slots_needed,
)

UNHURRIED = settings(deadline=None)  # a machine that does other work is no failure

loads = st.builds(
    Load,
    runs_per_hour=st.floats(0, 2000),
    blocks_per_run=st.floats(0, 20),
    block_seconds=st.floats(0, 600),
    peak=st.floats(1, 10),
)


def load_of(busy: float, seconds: float = 10) -> Load:
    """A load of which so many blocks run at once."""
    return Load(busy * 3600 / seconds, blocks_per_run=1, block_seconds=seconds, peak=1)


def written_out(busy: float, slots: int) -> float:
    """Erlang's C as textbooks write it, with sums and factorials."""
    last = busy**slots / math.factorial(slots) * slots / (slots - busy)
    return last / (sum(busy**k / math.factorial(k) for k in range(slots)) + last)


# From published tables of Erlang C: offered load, servers, chance to wait.
@pytest.mark.parametrize(
    ("busy", "slots", "chance"),
    [(0.5, 1, 0.5), (1, 2, 0.3333), (2, 3, 0.4444), (8, 10, 0.4092), (5, 7, 0.3241), (10, 12, 0.4494)],
)
def test_the_chance_to_wait_is_that_of_the_tables(busy, slots, chance):
    assert chance_to_wait(busy, slots) == pytest.approx(chance, abs=0.00015)


@UNHURRIED
@given(st.integers(1, 60), st.floats(0.01, 0.99))
def test_the_recursion_is_the_sum_of_textbooks(slots, utilisation):
    busy = slots * utilisation
    assert chance_to_wait(busy, slots) == pytest.approx(written_out(busy, slots), rel=1e-9)


def simulated_wait(load: Load, slots: int, blocks: int) -> float:
    """Mean wait of blocks that come at random and take times that vary as an exponential does."""
    chance = random.Random(20261125)
    rate = load.busy / load.block_seconds
    free, now, waited = [0.0] * slots, 0.0, 0.0
    for _ in range(blocks):
        now += chance.expovariate(rate)
        start = max(now, heapq.heappop(free))
        waited += start - now
        heapq.heappush(free, start + chance.expovariate(1 / load.block_seconds))
    return waited / blocks


@pytest.mark.parametrize(("busy", "slots"), [(0.7, 1), (3, 4), (6.4, 8), (20, 23)])
def test_the_mean_wait_is_that_of_a_simulation(busy, slots):
    load = load_of(busy)
    assert mean_wait_seconds(load, slots) == pytest.approx(simulated_wait(load, slots, 150_000), rel=0.1)


def test_a_single_slot_waits_as_the_formula_of_one_server_says():
    assert mean_wait_seconds(load_of(0.5), 1) == pytest.approx(10)  # busy / (1 - busy) times the seconds


def test_blocks_that_come_faster_than_they_end_wait_for_ever():
    assert mean_wait_seconds(load_of(4), 4) == math.inf
    assert mean_wait_seconds(load_of(4.5), 4) == math.inf


def test_no_load_waits_for_nothing_and_asks_for_one_slot():
    for idle in (Load(0), Load(10, blocks_per_run=0), Load(10, block_seconds=0)):
        assert (idle.busy, mean_wait_seconds(idle, 1), slots_needed(idle)) == (0, 0, 1)


def test_busy_is_littles_law_at_the_peak():
    assert Load(60, blocks_per_run=5, block_seconds=12, peak=3).busy == pytest.approx(3)


@UNHURRIED
@given(loads)
def test_the_slots_asked_for_are_the_fewest_that_do(load):
    slots = slots_needed(load)
    if slots is None:
        assert mean_wait_seconds(load, MOST_SLOTS) > ACCEPTED_WAIT_SECONDS
        return
    assert mean_wait_seconds(load, slots) <= ACCEPTED_WAIT_SECONDS
    if slots > 1:
        assert mean_wait_seconds(load, slots - 1) > ACCEPTED_WAIT_SECONDS


@UNHURRIED
@given(loads, st.floats(1, 3))
def test_more_load_never_asks_for_fewer_slots(load, factor):
    more = Load(load.runs_per_hour * factor, load.blocks_per_run, load.block_seconds, load.peak)
    assert (slots_needed(load) or MOST_SLOTS + 1) <= (slots_needed(more) or MOST_SLOTS + 1)


@UNHURRIED
@given(loads, st.integers(1, 50))
def test_another_slot_never_makes_blocks_wait_longer(load, slots):
    assert mean_wait_seconds(load, slots + 1) <= mean_wait_seconds(load, slots)


def test_a_load_beyond_every_scheduler_is_said_to_be_so():
    assert slots_needed(load_of(MOST_SLOTS + 1)) is None
    assert slots_needed(load_of(1e12)) is None


@pytest.mark.parametrize(
    "wrong",
    [{"runs_per_hour": -1}, {"peak": 0.5}, {"block_seconds": math.nan}, {"blocks_per_run": math.inf}],
)
def test_what_cannot_be_a_load_is_refused(wrong):
    [name] = wrong
    with pytest.raises(ValueError, match=name):
        Load(**{"runs_per_hour": 1, **wrong})


@pytest.mark.parametrize(
    ("cpu", "memory", "slots"),
    [(1000, 2048, 4), (250, 512, 1), (1000, 1024, 2), (8000, 16384, 32), (8000, 2048, 5), (250, 32768, 1)],
)
def test_a_scheduler_has_the_slots_that_its_memory_holds_and_its_cores_keep_busy(cpu, memory, slots):
    assert slots_for(cpu, memory) == slots


@UNHURRIED
@given(st.integers(1, 64_000), st.integers(1, 262_144))
def test_a_larger_scheduler_never_has_fewer_slots(cpu, memory):
    assert 1 <= slots_for(cpu, memory) <= min(slots_for(cpu + 1000, memory), slots_for(cpu, memory + 1024))
