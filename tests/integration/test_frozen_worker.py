"""A worker that is frozen at the worst instant starts nothing of what is no longer its own."""

from __future__ import annotations

import pytest

from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.runs.create import CreateRun, create_run
from support.engine_rig import BUNDLE, Plans, plan_of
from support.two_schedulers import World


@pytest.fixture
def world(postgres_url, tmp_path):
    store = SqlRunStore.open(DatabaseOptions(postgres_url))
    world = World(store, Plans({(BUNDLE, "p"): plan_of({"a": []})}), tmp_path)
    yield world
    for node in world.nodes:
        node.leave()
    store.close()


@pytest.mark.parametrize("when", ["before", "after"])
def test_code_that_another_has_begun_is_not_begun_again(world, when):
    """`before` and `after` its claim commits; meanwhile its lease passes, and the other takes over."""
    frozen, other = world.nodes
    run, _ = create_run(frozen.services, CreateRun("p"))
    frozen.store.hiccup_at = when
    frozen.work()
    assert frozen.membership.lost
    assert frozen.executor.find(run.id) == []
    other.look()
    for _ in range(3):
        other.work()
    assert len(other.executor.find(run.id)) == 1
    with world.store.transaction(read_only=True) as tx:
        owners = [attempt.member_id for attempt in tx.attempts(run.id)]
    lost = [frozen.membership.owner.member_id] if when == "after" else []
    assert owners == [*lost, other.membership.owner.member_id]
