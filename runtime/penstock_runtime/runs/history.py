"""Letting finished history go by policy, a little at a time, while everything else goes on.

* The rows decide: a run's rows go in one transaction, which a retry that holds the run makes pass it over; its files
  follow. Whoever dies in between leaves files without a row, which the next sweep finds.
* Several may prune at once: what is gone is gone, and nothing is counted on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from penstock_runtime.ports.artifact_store import ArtifactStore
from penstock_runtime.ports.history import EndedRun
from penstock_runtime.ports.log_store import LogStore
from penstock_runtime.ports.run_store import RunStore

BATCH = 50
"""Runs of one transaction: a few milliseconds, so that nobody waits for a row or for SQLite's one writer."""

ORPHAN_AGE = timedelta(days=1)
"""Files without a row may be those of a run that is being made: they go when they are older than this."""


@dataclass(frozen=True, slots=True)
class HistoryPolicy:
    """What stays: runs that ended within `days`, and the newest `keep` runs of each pipeline whatever their age."""

    days: float
    keep: int


@dataclass(slots=True)
class Pruned:
    """What has gone so far."""

    runs: int = 0
    records: dict[str, int] = field(default_factory=dict)
    bundles: int = 0
    orphans: int = 0


@dataclass(frozen=True, slots=True)
class HistoryParts:
    """The stores that hold history. `remove_bundles` removes code versions by digest."""

    store: RunStore
    artifacts: ArtifactStore
    logs: LogStore
    remove_bundles: Callable[[Sequence[str]], None]


def prune(parts: HistoryParts, policy: HistoryPolicy, now: datetime) -> Iterator[Pruned]:
    """Remove what the policy lets go, in small steps; yield the count after each, so that the caller may rest or stop.

    Errors of the stores are raised: what was removed until then is removed, and the next call goes on.
    """
    done = Pruned()
    if policy.days == float("inf"):
        return
    before = now - timedelta(days=policy.days)
    for batch in _batches(parts.store, before, policy.keep):
        with parts.store.transaction() as tx:
            gone = tx.delete_runs([run.id for run in batch])
        for run_id in gone:
            _remove_files(parts, run_id)
        done.runs += len(gone)
        yield done
    yield from _prune_records(parts, before, now, done)
    yield from _prune_bundles(parts, before, done)


def sweep(parts: HistoryParts, born_at: Callable[[str], datetime | None], now: datetime) -> Iterator[Pruned]:
    """Remove outputs and logs of runs that have no row, a day after they began; yield as `prune` does.

    `born_at` reads the time out of a run's id, and gives None for what is no such id: that is left alone.
    """
    done = Pruned()
    for names in (parts.artifacts.folders("runs/"), parts.logs.run_ids()):
        old = (name for name in names if (at := born_at(name)) is not None and now - at > ORPHAN_AGE)
        while some := list(islice(old, BATCH)):
            with parts.store.transaction(read_only=True) as tx:
                known = tx.runs_that_are(some)
            for run_id in set(some) - known:
                _remove_files(parts, run_id)
                done.orphans += 1
            yield done


def _remove_files(parts: HistoryParts, run_id: str) -> None:
    parts.artifacts.delete_prefix(f"runs/{run_id}/")
    parts.logs.delete_run(run_id)


def _batches(store: RunStore, before: datetime, keep: int) -> Iterator[list[EndedRun]]:
    """Yield runs that may go, oldest end first; each pipeline's newest are passed over."""
    after: tuple[datetime, str] | None = None
    kept_since: dict[str, datetime | None] = {}
    while True:
        with store.transaction(read_only=True) as tx:
            found = tx.ended_runs(before, after, BATCH)
            for pipeline in {run.pipeline for run in found} - kept_since.keys():
                kept_since[pipeline] = tx.newest_runs_since(pipeline, keep) if keep else before
        if not found:
            return
        after = (found[-1].ended_at, found[-1].id)
        going = [run for run in found if _may_go(run, kept_since[run.pipeline])]
        if going:
            yield going


def _may_go(run: EndedRun, kept_since: datetime | None) -> bool:
    return kept_since is not None and run.created_at < kept_since


def _prune_records(parts: HistoryParts, before: datetime, now: datetime, done: Pruned) -> Iterator[Pruned]:
    while True:
        with parts.store.transaction() as tx:
            gone = tx.delete_records(before, now, BATCH)
        for kind, count in gone.items():
            done.records[kind] = done.records.get(kind, 0) + count
        yield done
        if max(gone.values()) < BATCH:
            return


def _prune_bundles(parts: HistoryParts, before: datetime, done: Pruned) -> Iterator[Pruned]:
    with parts.store.transaction(read_only=True) as tx:
        digests = tx.unused_bundles(before)
    if not digests:
        return
    parts.remove_bundles(digests)
    with parts.store.transaction() as tx:
        tx.forget_code_versions(digests)
    done.bundles += len(digests)
    yield done
