"""A load that rises and falls is followed without flapping: the real scaler in simulated time, from seeds."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from penstock_runtime.domain import scaling
from penstock_runtime.domain.scaling import Rules
from support.scaling_simulation import Outcome, Story, simulate

RULES = Rules(1, 8)
MINUTE = 60
SEEDS = range(6)


def rise_and_fall(second: float) -> float:
    """Twenty quiet minutes, twenty of rise, thirty busy (2.5 blocks a second of 5 s), twenty of fall, ninety quiet."""
    minute = second / MINUTE
    height = min(max(minute - 20, 0) / 20, 1) - min(max(minute - 70, 0) / 20, 1)
    return 0.1 + 2.4 * height


DAY = Story(180 * MINUTE, rise_and_fall)
STEADY_RATES = (0.05, 0.3, 0.55, 0.8, 1.2, 2.0, 3.0)


def steady(rate: float) -> Story:
    return Story(240 * MINUTE, lambda _second: rate)


def flaps(outcome: Outcome) -> bool:
    """Whether it turned round more often than from up to down, and once there and back by mistake."""
    return outcome.turns > 3


@pytest.mark.parametrize("seed", SEEDS)
def test_a_rise_and_a_fall_are_followed(seed):
    outcome = simulate(DAY, RULES, seed)
    # 12.5 slots are busy at the height: four of four hold that, and five leave room.
    assert outcome.most in {4, 5, 6}
    assert outcome.changes[-1][1] == 1
    assert outcome.share_within(RULES.delay_seconds) > 0.95
    assert not flaps(outcome), outcome.changes
    assert len(outcome.changes) <= 2 * outcome.most + 2, outcome.changes


@pytest.mark.parametrize("rate", STEADY_RATES)
@pytest.mark.parametrize("seed", [1, 2])
def test_noise_is_no_reason_to_change(rate, seed):
    """Four hours of one load: the number settles, and chance alone moves it at most once more there and back."""
    settled = simulate(steady(rate), RULES, seed)
    after_an_hour = [change for change in settled.changes if change[0] > 60 * MINUTE]
    assert len(after_an_hour) <= 2, settled.changes
    assert settled.share_within(RULES.delay_seconds) > 0.95


def test_a_sudden_crowd_is_met_within_a_minute():
    crowd = Story(60 * MINUTE, lambda second: 3.0 if second > 20 * MINUTE else 0.1)
    outcome = simulate(crowd, RULES, seed=2)
    needed = math.ceil(3.0 * crowd.block_seconds / crowd.slots)
    reached = min(second for second, count in outcome.changes if count >= needed)
    assert reached - 20 * MINUTE <= 120
    assert max(outcome.delays) < 120


def test_short_bursts_now_and_then_do_not_move_the_number():
    """Every five minutes, for four seconds, two blocks a second come: over before a scheduler would be up."""
    bursts = Story(120 * MINUTE, lambda second: 2.0 if second % 300 < 4 else 0.05)
    outcome = simulate(bursts, RULES, seed=3)
    assert len(outcome.changes) <= 3, outcome.changes


def test_the_bounds_hold_while_the_load_is_beyond_them():
    outcome = simulate(Story(30 * MINUTE, lambda _second: 5.0), replace(RULES, most=2), seed=4)
    assert {count for _, count in outcome.changes} == {1, 2}


GUARDS = {
    "the window before one is taken away": (0.55, lambda patch: replace(RULES, cooldown_down_seconds=0)),
    "the room to spare": (0.55, lambda patch: [patch("SPARE_DELAY", 1.0), patch("SPARE_BUSY", 1.0)] and RULES),
    "three looks before one is added": (0.3, lambda patch: [patch("LOOKS_TO_GROW", 1)] and RULES),
}


@pytest.mark.parametrize("guard", GUARDS)
def test_without_each_guard_noise_makes_it_flap(guard, monkeypatch):
    """The same four hours of one load, from the same seed, with the guard and without."""
    rate, without = GUARDS[guard]
    assert not flaps(simulate(steady(rate), RULES, seed=1))
    rules = without(lambda name, value: monkeypatch.setattr(scaling, name, value))
    assert flaps(simulate(steady(rate), rules, seed=1))


def test_without_any_guard_a_day_flaps_from_every_seed(monkeypatch):
    for name, value in {"SPARE_DELAY": 1.0, "SPARE_BUSY": 1.0, "LOOKS_TO_GROW": 1}.items():
        monkeypatch.setattr(scaling, name, value)
    rules = replace(RULES, cooldown_up_seconds=0, cooldown_down_seconds=0)
    assert all(flaps(simulate(DAY, rules, seed)) for seed in SEEDS)
