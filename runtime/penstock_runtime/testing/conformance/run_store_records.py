"""Records that the run store's conformance tests are made of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import (
    UNMAPPED,
    Attempt,
    AttemptStatus,
    BlockRun,
    BlockRunKind,
    BlockRunStatus,
    ExitReason,
    Member,
    Run,
    RunStatus,
)
from penstock_runtime.ports.run_store import AttemptEnd, RunStore, RunTransaction

NOW = datetime(2026, 3, 4, 5, 6, 7, 89, tzinfo=UTC)
NAIVE = NOW.replace(tzinfo=None)
SECOND = timedelta(seconds=1)
Claim = tuple[Run, BlockRun, Attempt]


def a_run(**fields: Any) -> Run:
    """Return a queued run."""
    given: dict[str, Any] = {
        "id": new_id(),
        "pipeline": "flights",
        "status": RunStatus.QUEUED,
        "epoch": 1,
        "bundle": "b" * 64,
        "created_at": NOW,
    }
    return Run(**(given | fields))


def a_block_run(run: Run, block: str, **fields: Any) -> BlockRun:
    """Return a block run that is ready since NOW, unless told otherwise."""
    given: dict[str, Any] = {
        "id": new_id(),
        "run_id": run.id,
        "block": block,
        "map_index": UNMAPPED,
        "kind": BlockRunKind.BLOCK,
        "status": BlockRunStatus.READY,
        "epoch": run.epoch,
    }
    if fields.get("status", BlockRunStatus.READY) is BlockRunStatus.READY:
        given["due_at"] = NOW
    return BlockRun(**(given | fields))


def a_member(**fields: Any) -> Member:
    """Return a member whose lease ends ten seconds after NOW."""
    given: dict[str, Any] = {
        "id": new_id(),
        "role": "scheduler",
        "term": 0,
        "host": "host",
        "pid": 1,
        "started_at": NOW,
        "seen_at": NOW,
        "expires_at": NOW + 10 * SECOND,
    }
    return Member(**(given | fields))


def an_end(**fields: Any) -> AttemptEnd:
    """Return a good end."""
    given: dict[str, Any] = {
        "status": AttemptStatus.SUCCEEDED,
        "ended_at": NOW + SECOND,
        "exit_reason": ExitReason.SUCCESS,
    }
    return AttemptEnd(**(given | fields))


class Joined:
    """A member of the fleet that claims."""

    def __init__(self, store: RunStore, **fields: Any) -> None:
        """Join."""
        self._store = store
        member = a_member(**fields)
        with store.transaction() as tx:
            self.term = tx.join(member)
        self.id = member.id

    def claim_in(self, tx: RunTransaction, limit: int = 10, now: datetime = NOW) -> Sequence[Claim]:
        """Claim inside a transaction of the test's."""
        ids = [new_id() for _ in range(limit)]
        return tx.claim_ready(self.id, self.term, limit, now, host="host", attempt_ids=ids)

    def claim(self, limit: int = 10, now: datetime = NOW) -> Sequence[Claim]:
        """Claim."""
        with self._store.transaction() as tx:
            return self.claim_in(tx, limit, now)


def keep(store: RunStore, run: Run, *block_runs: BlockRun) -> Run:
    """Insert a run with its block runs."""
    with store.transaction() as tx:
        if not tx.insert_run(run) or tx.insert_block_runs(block_runs) != len(block_runs):
            raise AssertionError("the run could not be inserted")
    return run


def ready_run(store: RunStore, *blocks: str, **fields: Any) -> Run:
    """Insert a run whose blocks are all ready."""
    run = a_run(**fields)
    return keep(store, run, *(a_block_run(run, block) for block in blocks))


def in_threads(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Return what each of the threads, started together, returned; their first error is raised."""
    start = threading.Barrier(count)
    results: list[Any] = [None] * count
    errors: list[BaseException] = []

    def run(index: int) -> None:
        try:
            start.wait(30)
            results[index] = work(index)
        except BaseException as error:  # noqa: BLE001 - carried to the test's own thread
            errors.append(error)

    threads = [threading.Thread(target=run, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if errors:
        raise errors[0]
    return results
