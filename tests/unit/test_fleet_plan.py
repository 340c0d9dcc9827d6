"""A seed is all that a soak's plan comes from: the same seed is the same plan, in any process."""

from __future__ import annotations

from collections import Counter

from support.fleet.plan import KINDS, MIX, plan_faults, plan_load


def test_a_seed_replays():
    assert plan_faults(7, 600, 3.0) == plan_faults(7, 600, 3.0)
    assert plan_load(7, 600, 1000) == plan_load(7, 600, 1000)
    assert plan_faults(7, 600, 3.0) != plan_faults(8, 600, 3.0)


def test_faults_come_as_often_as_asked_and_overlap():
    faults = plan_faults(3, 600, 3.0)
    assert 180 <= len(faults) <= 220
    lasting = [fault for fault in faults if fault.seconds > 10]
    assert any(one.at < other.at < one.at + one.seconds for one in lasting for other in lasting)
    frozen = [fault.seconds for fault in faults if fault.kind == "freeze-scheduler"]
    assert min(frozen) >= 5
    assert 30 < max(frozen) <= 60


def test_a_short_plan_holds_every_kind_once_before_any_again():
    faults = plan_faults(5, len(KINDS) * 1.5, 1.0, longest=8)
    kinds = Counter(fault.kind for fault in faults[: len(KINDS)])
    assert kinds == Counter(kind.name for kind in KINDS)
    assert all(fault.seconds <= 8 for fault in faults)


def test_a_load_holds_every_pipeline_and_keys_that_differ():
    asks = plan_load(5, 40, 40)
    assert {ask.pipeline for ask in asks[: len(set(MIX))]} == set(MIX)
    assert len({ask.key for ask in asks}) == 40
    assert {ask.then for ask in plan_load(5, 600, 1000)} == {"", "cancel", "retry"}
