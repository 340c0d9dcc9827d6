"""I7: a pass costs what is due. With a history behind it and nothing due, the scheduler's is one read."""

from __future__ import annotations

import pytest

from penstock_runtime.persistence.engine import DatabaseOptions
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.runs.create import CreateRun, create_run
from support.engine_rig import BUNDLE, Plans, plan_of
from support.two_schedulers import World, result


@pytest.fixture
def world(database_url, tmp_path):
    store = SqlRunStore.open(DatabaseOptions(database_url))
    world = World(store, Plans({(BUNDLE, "p"): plan_of({"a": []})}), tmp_path)
    yield world
    for node in world.nodes:
        node.leave()
    store.close()


def test_a_pass_with_nothing_due_is_one_read(world, monkeypatch):
    node = world.nodes[0]
    for _ in range(5):
        create_run(node.services, CreateRun("p"))
    for _ in range(12):
        node.work()
        world.fates.update(dict.fromkeys(world.alive, result()))
        world.pass_time(1.0)
    node.look()
    opened = []
    transaction = world.store.transaction

    def counted(*, read_only=False):
        opened.append(read_only)
        return transaction(read_only=read_only)

    monkeypatch.setattr(world.store, "transaction", counted)
    node.look()
    assert opened == [True]
    node.work()
    quiet = len(opened)
    node.work()
    assert len(opened) == quiet, "a worker that nobody woke asks the store at its polls alone"
