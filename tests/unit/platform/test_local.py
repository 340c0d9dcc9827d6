"""A topology on one machine: which processes, how many, with which settings and slots."""

from __future__ import annotations

import pytest

from penstock_platform.contract import BY_NAME
from penstock_platform.local import Machine, Surroundings, Wish, local_plan, settings_of_process
from penstock_platform.problems import BlueprintInvalid
from penstock_platform.topologies import TOPOLOGIES
from penstock_platform.vocabulary import Topology

LARGE = Machine(cores=16, memory_mib=64 * 1024)
SMALL = Machine(cores=2, memory_mib=4 * 1024)
WHERE = Surroundings(
    host="127.0.0.1",
    port=6789,
    database_url="postgresql://penstock:secret@/postgres?host=/run/x",
    redis_url="unix:///run/y?db=0",
    encryption_key="a-key",
    scaler_target="local:/run/z",
)


def shape(plan):
    return {one.name: (one.minimum, one.maximum) for one in plan.services}


@pytest.mark.parametrize(
    ("topology", "services", "postgres", "redis", "scaled"),
    [
        ("single", {"penstock": (1, 1)}, False, False, False),
        ("split", {"web": (1, 1), "scheduler": (1, 1)}, True, False, False),
        ("ha", {"web": (2, 2), "scheduler": (2, 2)}, True, True, False),
        ("autoscale", {"web": (2, 6), "scheduler": (2, 6)}, True, True, True),
    ],
)
def test_each_topology_has_its_processes(topology, services, postgres, redis, scaled):
    plan = local_plan(Wish(Topology(topology)), LARGE)
    assert shape(plan) == services
    assert (plan.postgres, plan.redis, plan.scaled) == (postgres, redis, scaled)


@pytest.mark.parametrize("topology", list(Topology))
def test_counts_are_the_blueprints(topology):
    plan = local_plan(Wish(topology), LARGE)
    assert {one.role: (one.minimum, one.maximum) for one in plan.services} == {
        role: (given.minimum, given.maximum) for role, given in TOPOLOGIES[topology].services.items()
    }


def test_ha_takes_more_of_both_and_autoscale_starts_with_more():
    assert shape(local_plan(Wish(Topology.HA, web=3, schedulers=4), LARGE)) == {"web": (3, 3), "scheduler": (4, 4)}
    assert shape(local_plan(Wish(Topology.AUTOSCALE, schedulers=3), LARGE))["scheduler"] == (3, 6)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        (Wish(Topology.SINGLE, schedulers=2), "topology single has one scheduler"),
        (Wish(Topology.SINGLE, web=1), "topology single has one service"),
        (Wish(Topology.SPLIT, web=2), "topology split has one web"),
        (Wish(Topology.HA, schedulers=1), "ha needs at least 2"),
        (Wish(Topology.AUTOSCALE, schedulers=6), "autoscale needs more than scheduler.min, 6"),
    ],
)
def test_counts_that_the_topology_does_not_allow_are_refused(wish, words):
    with pytest.raises(BlueprintInvalid) as refused:
        local_plan(wish, LARGE)
    assert [words in problem.message for problem in refused.value.problems] == [True]


@pytest.mark.parametrize(
    ("topology", "machine", "slots"),
    [
        ("split", LARGE, 4),  # what the blueprint's scheduler holds
        ("ha", LARGE, 4),
        ("autoscale", LARGE, 4),
        ("split", SMALL, 4),  # what one core holds, of a machine with two
        ("ha", Machine(1, 2048), 2),  # four on the machine, two schedulers
        ("autoscale", SMALL, 1),  # eight on the machine, up to six schedulers
        ("autoscale", Machine(1, 1024), 1),  # never none
    ],
)
def test_the_slots_of_all_schedulers_fit_the_machine(topology, machine, slots):
    scheduler = local_plan(Wish(Topology(topology)), machine).service("scheduler")
    assert scheduler.slots == slots


def test_slots_that_the_operator_names_are_each_schedulers():
    assert local_plan(Wish(Topology.HA, slots=9), SMALL).service("scheduler").slots == 9
    assert local_plan(Wish(Topology.SINGLE, slots=9), SMALL).service("penstock").slots == 9
    assert local_plan(Wish(Topology.SINGLE), SMALL).service("penstock").slots is None


@pytest.mark.parametrize("topology", list(Topology))
def test_every_setting_of_a_process_is_one_of_the_contract(topology):
    plan = local_plan(Wish(topology), LARGE)
    for service in plan.services:
        given = settings_of_process(plan, service, WHERE, health_port=4000)
        assert set(given) - set(BY_NAME) == set()
        assert given["INSTANCE_TYPE"] == service.role.value


def test_a_web_server_gets_the_public_address_and_a_scheduler_probes_of_its_own():
    plan = local_plan(Wish(Topology.AUTOSCALE), LARGE)
    where = Surroundings("0.0.0.0", 80, scaler_target="local:/run/z")
    web = settings_of_process(plan, plan.service("web"), where)
    scheduler = settings_of_process(plan, plan.service("scheduler"), where, health_port=4000)
    assert (web["PENSTOCK_HOST"], web["PENSTOCK_PORT"]) == ("0.0.0.0", "80")
    assert "PENSTOCK_SLOTS" not in web
    assert (scheduler["PENSTOCK_HOST"], scheduler["PENSTOCK_HEALTH_PORT"]) == ("127.0.0.1", "4000")
    assert "PENSTOCK_PORT" not in scheduler


def test_only_where_schedulers_are_scaled_is_the_scaler_told_where_and_how_many():
    names = {"PENSTOCK_SCALER_TARGET": "local:/run/z", "PENSTOCK_SCALER_MIN": "2", "PENSTOCK_SCALER_MAX": "6"}
    for topology in Topology:
        plan = local_plan(Wish(topology), LARGE)
        for service in plan.services:
            given = settings_of_process(plan, service, WHERE)
            found = {name: value for name, value in given.items() if "SCALER" in name}
            assert found == (names if topology is Topology.AUTOSCALE else {})


def test_nothing_is_said_of_a_database_that_is_not_the_supervisors():
    plan = local_plan(Wish(Topology.HA), LARGE)
    given = settings_of_process(plan, plan.service("web"), Surroundings("127.0.0.1", 6789))
    assert {"DATABASE_URL", "REDIS_URL", "PENSTOCK_ENCRYPTION_KEY"} & set(given) == set()
