"""Four topologies side by side, and the cheapest for a load."""

from __future__ import annotations

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_platform import abilities
from penstock_platform.blueprint import Blueprint
from penstock_platform.comparison import (
    LEAST_CONFIG,
    MOST_BUSY_SINGLE,
    Recommendation,
    compare,
    recommend,
)
from penstock_platform.cost import estimate
from penstock_platform.load import ACCEPTED_WAIT_SECONDS, Load, mean_wait_seconds, slots_for, slots_needed
from penstock_platform.planning import blueprint_of
from penstock_platform.problems import BlueprintInvalid
from penstock_platform.topologies import TOPOLOGIES
from penstock_platform.vocabulary import Cloud, Topology

UNHURRIED = settings(deadline=None)  # a machine that does other work is no failure

clouds = st.sampled_from(list(Cloud))
loads = st.builds(
    Load, runs_per_hour=st.floats(0, 600), blocks_per_run=st.integers(1, 10), block_seconds=st.floats(0.1, 60)
)


@pytest.mark.parametrize("cloud", Cloud)
def test_all_four_are_compared_from_the_cheapest_on(cloud):
    found = compare(cloud)
    assert [one.topology for one in found] == list(Topology)
    assert [one.cost.maximum for one in found] == sorted(one.cost.maximum for one in found)
    assert {one.cloud for one in found} == {cloud}
    for one in found:
        assert all((one.processes, one.survives, one.rollout, one.database, one.redis))
        stack = blueprint_of({"cloud": cloud, "topology": one.topology, **LEAST_CONFIG[cloud]})
        assert one.slots == stack.scheduler.minimum * slots_for(1000, 2048)
        assert one.cost == estimate(stack)


def test_what_is_said_to_survive_a_zone_is_in_two_zones_or_says_what_is_not():
    for cloud in Cloud:
        for one in compare(cloud):
            zones = TOPOLOGIES[one.topology].multi_zone
            assert ("zone" in one.survives or "as ha" in one.survives) == zones
    ha = compare(Cloud.KUBERNETES)[2]
    assert "but for Postgres" in ha.survives


def checked(found: Recommendation, load: Load) -> Recommendation:
    """What every recommendation holds to."""
    assert found.slots_needed == slots_needed(load)
    assert found.mean_wait_seconds == mean_wait_seconds(load, found.slots)
    assert found.utilisation == pytest.approx(load.busy / found.slots)
    assert found.reasons
    merged = {**LEAST_CONFIG[found.cloud], **found.config}
    if found.cloud is Cloud.KUBERNETES:
        merged["kubernetes"] = {**LEAST_CONFIG[found.cloud]["kubernetes"], **found.config.get("kubernetes", {})}
    made = blueprint_of(merged)
    # Every scheduler that is there works.
    assert found.slots == made.scheduler.minimum * slots_for(found.cpu_millis, found.memory_mib)
    assert (made.topology, estimate(made)) == (found.topology, found.cost)
    assert (made.scheduler.cpu_millis, made.scheduler.memory_mib) == (found.cpu_millis, found.memory_mib)
    return found


@UNHURRIED
@given(clouds, loads)
def test_what_is_recommended_holds_the_load(cloud, load):
    found = checked(recommend(cloud, load), load)
    if found.fits:
        assert found.mean_wait_seconds <= ACCEPTED_WAIT_SECONDS
        assert found.slots >= found.slots_needed
        assert found.topology is not Topology.SINGLE or found.utilisation <= MOST_BUSY_SINGLE
    else:
        assert found.mean_wait_seconds > ACCEPTED_WAIT_SECONDS
        assert any("does not fit" in reason for reason in found.reasons)


def stacks(cloud: Cloud) -> list[Blueprint]:
    """Every stack of a cloud that could be recommended."""
    found = []
    for topology in Topology:
        for cores in (1, 2, 4, 6, 8):
            keys = {"scheduler": {"cpu": str(cores), "memory": f"{cores * 2}Gi"}}
            with contextlib.suppress(BlueprintInvalid):  # more than the cloud's largest container
                found.append(blueprint_of({"cloud": cloud, "topology": topology, **LEAST_CONFIG[cloud], **keys}))
    return found


@pytest.mark.parametrize("cloud", Cloud)
def test_nothing_cheaper_holds_the_load(cloud):
    made = [
        (stack.topology, stack.scheduler.slots * stack.scheduler.minimum, estimate(stack).maximum)
        for stack in stacks(cloud)
    ]

    def holds(load: Load, topology: Topology, slots: int) -> bool:
        busy = MOST_BUSY_SINGLE if topology is Topology.SINGLE else 1
        return mean_wait_seconds(load, slots) <= ACCEPTED_WAIT_SECONDS and load.busy <= busy * slots

    @UNHURRIED
    @given(loads)
    def check(load):
        able = [cost for topology, slots, cost in made if holds(load, topology, slots)]
        found = recommend(cloud, load)
        assert found.fits == bool(able)
        if able:
            assert found.cost.maximum == min(able)

    check()


@UNHURRIED
@given(clouds, loads, st.floats(1, 5), st.booleans())
def test_more_load_never_costs_less(cloud, load, factor, survive_zone):
    more = Load(load.runs_per_hour * factor, load.blocks_per_run, load.block_seconds)
    less = recommend(cloud, load, survive_zone=survive_zone)
    found = recommend(cloud, more, survive_zone=survive_zone)
    if found.fits:
        assert less.fits
        assert less.cost.maximum <= found.cost.maximum


@UNHURRIED
@given(clouds, loads)
def test_what_must_outlive_a_zone_is_in_two(cloud, load):
    found = checked(recommend(cloud, load, survive_zone=True), load)
    assert TOPOLOGIES[found.topology].multi_zone
    if cloud is Cloud.KUBERNETES:
        assert "databaseSecret" in found.config["kubernetes"]
    assert found.cost.minimum > recommend(cloud, Load(0)).cost.minimum


def test_a_small_load_takes_the_cheapest_of_all():
    found = recommend(Cloud.AWS, Load(1))
    assert (found.topology, found.config) == (Topology.SINGLE, {"cloud": "aws", "topology": "single"})
    assert "nothing that is considered costs less" in found.reasons


def test_blocks_that_would_take_the_pages_cpu_are_split_off():
    load = Load(18 * 3600 / 3, blocks_per_run=1, block_seconds=1)  # 18 of 32 slots busy: more than half
    found = recommend(Cloud.KUBERNETES, load)
    assert found.topology is Topology.SPLIT
    assert any(reason.startswith("single with 6 CPU") and "CPU of the page" in reason for reason in found.reasons)


def test_a_cheaper_one_is_refused_in_numbers():
    found = recommend(Cloud.GCP, Load(60))
    assert found.slots == 8
    assert any("has 4 slots: a block would wait 2.1 s on average" in reason for reason in found.reasons)


def test_a_load_beyond_the_largest_container_is_answered_honestly():
    found = recommend(Cloud.AZURE, Load(1000))
    assert not found.fits
    assert (found.cpu_millis, found.slots, found.topology) == (4000, 32, Topology.HA)
    assert math.isinf(found.mean_wait_seconds)
    said = " ".join(found.reasons)
    assert "largest scheduler" in said
    assert "as they are, this load does not fit" in said
    assert recommend(Cloud.AWS, Load(1000)).fits


def test_where_schedulers_share_work_more_of_them_add_slots(monkeypatch):
    load = Load(400)
    found = recommend(Cloud.AZURE, load)
    assert (found.fits, found.topology, found.slots) == (True, Topology.HA, 32)
    monkeypatch.setattr(abilities, "SCHEDULERS_SHARE_WORK", False)
    alone = recommend(Cloud.AZURE, load)
    assert (alone.fits, alone.slots) == (False, 16)
    assert "more schedulers add no slots in this release" in " ".join(alone.reasons)
    assert recommend(Cloud.AWS, load).fits
    monkeypatch.setattr(abilities, "SCHEDULERS_SHARE_WORK", True)
    monkeypatch.setattr(abilities, "SCALERS_BUILT", frozenset({Cloud.AZURE}))
    assert recommend(Cloud.AZURE, Load(1500)).topology is Topology.AUTOSCALE
    assert recommend(Cloud.GCP, Load(1500)).topology is not Topology.AUTOSCALE
