"""The steps of an in-memory run store that concern runs and their block runs."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from penstock_runtime.domain.errors import InvalidInput, RunNotFinished, RunNotFound
from penstock_runtime.domain.runs import (
    BLOCK_RUN_WAITING,
    RUN_ENDED,
    UNMAPPED,
    BlockRun,
    BlockRunKind,
    BlockRunStatus,
    Run,
    RunStatus,
)
from penstock_runtime.ports.run_store import BlockRunChange, Page, RunFilter
from penstock_runtime.testing.memory_state import StateSteps, plain, stored

_SET = ("due_at", "ended_at", "outputs", "fan_out", "error", "open_instances", "waiting_on", "started_at", "tests")


class MemoryRunSteps(StateSteps):
    """Runs."""

    def insert_run(self, run: Run) -> bool:
        """See the port."""
        taken = run.id in self._state.runs
        if run.trigger_id is not None and run.logical_at is not None:
            taken = taken or self.run_of_tick(run.trigger_id, run.logical_at) is not None
        if not taken:
            self._state.runs[run.id] = stored(run)
        return not taken

    def lock_run(self, run_id: str, *, skip_locked: bool = False) -> Run | None:
        """See the port; the transaction is alone anyway."""
        del skip_locked
        return self._state.runs.get(run_id)

    def run(self, run_id: str) -> Run | None:
        """See the port."""
        return self._state.runs.get(run_id)

    def run_of_tick(self, trigger_id: str, logical_at: datetime) -> Run | None:
        """See the port."""
        tick = (trigger_id, plain(logical_at))
        return next((run for run in self._state.runs.values() if (run.trigger_id, run.logical_at) == tick), None)

    def runs(self, where: RunFilter, limit: int, cursor: str | None = None) -> Page[Run]:
        """See the port."""
        after = None if cursor is None else _read_cursor(cursor)
        found = [run for run in self._state.runs.values() if _matches(run, where)]
        found.sort(key=lambda run: (run.created_at, run.id), reverse=True)
        if after is not None:
            found = [run for run in found if (run.created_at.isoformat("T", "microseconds"), run.id) < after]
        items = found[:limit]
        return Page(items, _cursor(items[-1]) if items and len(found) > limit else None)

    def change_run(
        self,
        run_id: str,
        from_statuses: Sequence[RunStatus],
        status: RunStatus,
        *,
        started_at: datetime | None = None,
        ended_at: datetime | None = None,
    ) -> bool:
        """See the port."""
        run = self._state.runs.get(run_id)
        if run is None or run.status not in from_statuses:
            return False
        times = {name: plain(at) for name, at in (("started_at", started_at), ("ended_at", ended_at)) if at}
        if "ended_at" in times and run.sla_at is not None and run.sla_at > times["ended_at"]:
            run = replace(run, sla_at=None)
        self._state.runs[run_id] = replace(run, status=status, **times)
        return True

    def add_open_block_runs(self, run_id: str, change: int) -> int:
        """See the port."""
        run = self._state.runs.get(run_id)
        if run is None:
            raise RunNotFound(f"no run {run_id!r}")
        left = run.open_block_runs + change
        if left < 0:
            raise ValueError(f"run {run_id!r} would have {left} open block runs")
        self._state.runs[run_id] = replace(run, open_block_runs=left)
        return left

    def request_cancel(self, run_id: str, now: datetime) -> bool:
        """See the port."""
        run = self._state.runs.get(run_id)
        if run is None or run.status in RUN_ENDED or run.cancel_requested_at is not None:
            return False
        self._state.runs[run_id] = replace(run, cancel_requested_at=plain(now))
        return True

    def open_epoch(
        self,
        run_id: str,
        bundle: str,
        open_block_runs: int,
        now: datetime,
        *,
        block_run_limit: int | None = None,
    ) -> int:
        """See the port."""
        del now
        run = self._state.runs.get(run_id)
        if run is None:
            raise RunNotFound(f"no run {run_id!r}")
        if run.status not in RUN_ENDED:
            raise RunNotFinished(f"run {run_id!r} has not ended")
        self._state.runs[run_id] = replace(
            run,
            epoch=run.epoch + 1,
            status=RunStatus.QUEUED,
            ended_at=None,
            cancel_requested_at=None,
            deadline_at=None,
            timed_out_at=None,
            block_run_limit=block_run_limit,
            bundle=bundle,
            open_block_runs=open_block_runs,
        )
        return run.epoch + 1

    def queued_unadmitted_runs(self, limit: int) -> Sequence[Run]:
        """See the port."""
        held = [run for run in self._state.runs.values() if not run.admitted and run.status is RunStatus.QUEUED]
        held.sort(key=lambda run: (run.created_at, run.id))
        oldest = {(run.pipeline, run.trigger_id): run for run in reversed(held)}
        return [run for run in held if oldest[run.pipeline, run.trigger_id] is run][:limit]

    def lock_limit(self, key: str) -> None:
        """See the port; the transaction is alone anyway."""

    def admit_run(self, run_id: str, now: datetime) -> int:
        """See the port."""
        run = self._state.runs.get(run_id)
        if run is None or run.admitted:
            return 0
        self._state.runs[run_id] = replace(run, admitted=True)
        free = [
            row
            for row in self._of_run(run_id)
            if row.status is BlockRunStatus.PENDING
            and row.waiting_on == 0
            and row.kind in (BlockRunKind.BLOCK, BlockRunKind.PIPELINE)
        ]
        for row in free:
            self._put(replace(row, status=BlockRunStatus.READY, due_at=plain(now)))
        return len(free)

    # --- block runs --------------------------------------------------------------------------------------------------
    def insert_block_runs(self, block_runs: Sequence[BlockRun]) -> int:
        """See the port."""
        taken = {_key(row) for row in self._state.block_runs.values()}
        added = 0
        for row in block_runs:
            if row.run_id in self._state.runs and row.id not in self._state.block_runs and _key(row) not in taken:
                self._put(stored(row))
                taken.add(_key(row))
                added += 1
        return added

    def block_runs(self, run_id: str) -> Sequence[BlockRun]:
        """See the port."""
        return sorted(self._of_run(run_id), key=lambda row: row.id)

    def block_run(self, run_id: str, block: str, map_index: int = UNMAPPED) -> BlockRun | None:
        """See the port."""
        rows = self._graph(run_id, [block])
        return next((row for row in rows if row.map_index == map_index), None)

    def block_run_by_id(self, block_run_id: str) -> BlockRun | None:
        """See the port."""
        return self._state.block_runs.get(block_run_id)

    def instances(self, run_id: str, block: str) -> Sequence[BlockRun]:
        """See the port."""
        found = [row for row in self._graph(run_id, [block]) if row.map_index > UNMAPPED]
        return sorted(found, key=lambda row: row.map_index)

    def outputs(self, run_id: str, blocks: Sequence[str]) -> Mapping[tuple[str, int], Sequence[Mapping[str, Any]]]:
        """See the port."""
        return {
            (row.block, row.map_index): row.outputs
            for row in self._graph(run_id, blocks)
            if row.status is BlockRunStatus.SUCCEEDED and row.outputs is not None
        }

    def status_counts(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[BlockRunStatus, int]]:
        """See the port."""
        found: dict[str, dict[BlockRunStatus, int]] = {run_id: {} for run_id in run_ids}
        for row in self._state.block_runs.values():
            if row.run_id in found and row.kind is BlockRunKind.BLOCK:
                counts = found[row.run_id]
                counts[row.status] = counts.get(row.status, 0) + 1
        return found

    def change_block_run(
        self, block_run_id: str, from_statuses: Sequence[BlockRunStatus], change: BlockRunChange
    ) -> BlockRun | None:
        """See the port."""
        row = self._state.block_runs.get(block_run_id)
        if row is None or row.status not in from_statuses:
            return None
        return self._put(_changed(row, change))

    def change_blocks(
        self, run_id: str, blocks: Sequence[str], from_statuses: Sequence[BlockRunStatus], change: BlockRunChange
    ) -> Sequence[str]:
        """See the port."""
        changed = set()
        for row in self._graph(run_id, blocks):
            if row.map_index == UNMAPPED and row.status in from_statuses:
                changed.add(self._put(_changed(row, change)).block)
        return [block for block in blocks if block in changed]

    def count_down(
        self, run_id: str, blocks: Sequence[str], now: datetime, make_ready: Collection[str] = ()
    ) -> Sequence[BlockRun]:
        """See the port."""
        found = {}
        for row in self._graph(run_id, blocks):
            if row.map_index == UNMAPPED and row.status is BlockRunStatus.PENDING:
                after = replace(row, waiting_on=row.waiting_on - 1)
                if after.waiting_on == 0 and row.block in make_ready:
                    after = replace(after, status=BlockRunStatus.READY, due_at=plain(now))
                found[row.block] = self._put(after)
        return [found[block] for block in blocks if block in found]

    def end_waiting_block_runs(self, run_id: str, status: BlockRunStatus, now: datetime) -> int:
        """See the port."""
        waiting = [row for row in self._of_run(run_id) if row.status in BLOCK_RUN_WAITING]
        for row in waiting:
            self._put(replace(row, status=status, ended_at=plain(now), due_at=None))
        return len(waiting)

    def instance_ended(self, run_id: str, block: str) -> BlockRun | None:
        """See the port."""
        group = self.block_run(run_id, block)
        return None if group is None else self._put(replace(group, open_instances=group.open_instances - 1))

    def reset_block_run(
        self, block_run_id: str, epoch: int, status: BlockRunStatus, waiting_on: int, now: datetime
    ) -> None:
        """See the port."""
        row = self._state.block_runs.get(block_run_id)
        if row is not None:
            fresh = BlockRun(row.id, row.run_id, row.block, row.map_index, row.kind, status, epoch, waiting_on)
            due_at = plain(now) if status is BlockRunStatus.READY else None
            self._put(replace(fresh, due_at=due_at, attempts=row.attempts, parent=row.parent, event=row.event))

    def retire_instances(self, run_id: str, blocks: Sequence[str]) -> None:
        """See the port."""
        gone: dict[str, Any] = dict.fromkeys(("due_at", "outputs", "fan_out", "error", "tests"))
        for row in self._of_run(run_id):
            if row.kind is BlockRunKind.INSTANCE and row.block in blocks:
                self._put(replace(row, status=BlockRunStatus.CANCELLED, **gone))

    # --- the tables --------------------------------------------------------------------------------------------------
    def _of_run(self, run_id: str) -> list[BlockRun]:
        return [row for row in self._state.block_runs.values() if row.run_id == run_id]

    def _graph(self, run_id: str, blocks: Iterable[str]) -> list[BlockRun]:
        wanted = set(blocks)
        return [row for row in self._of_run(run_id) if row.block in wanted and row.kind is not BlockRunKind.CALLBACK]

    def _put(self, row: BlockRun) -> BlockRun:
        if row.waiting_on < 0 or row.open_instances < 0:
            raise ValueError(f"a count of block run {row.id!r} would fall below zero")
        self._state.block_runs[row.id] = row
        return row


def _key(row: BlockRun) -> tuple[Any, ...]:
    key: tuple[Any, ...] = (row.run_id, row.block, row.map_index)
    return (*key, row.epoch, row.parent, row.event) if row.kind is BlockRunKind.CALLBACK else key


def _changed(row: BlockRun, change: BlockRunChange) -> BlockRun:
    values: dict[str, Any] = dict.fromkeys(change.clear)
    values |= {name: plain(getattr(change, name)) for name in _SET if getattr(change, name) is not None}
    failures, losses = row.failures + change.add_failures, row.losses + change.add_losses
    return replace(row, status=change.status, failures=failures, losses=losses, **values)


def _matches(run: Run, where: RunFilter) -> bool:
    return (
        where.pipeline in (None, run.pipeline)
        and where.trigger_id in (None, run.trigger_id)
        and (not where.statuses or run.status in where.statuses)
        and (where.from_ is None or run.created_at >= where.from_)
        and (where.to is None or run.created_at < where.to)
    )


def _cursor(run: Run) -> str:
    return base64.urlsafe_b64encode(f"{run.created_at.isoformat('T', 'microseconds')} {run.id}".encode()).decode()


def _read_cursor(cursor: str) -> tuple[str, str]:
    try:
        at, id_ = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode().split(" ", 1)
        datetime.fromisoformat(at)
    except (ValueError, binascii.Error):
        raise InvalidInput("the cursor is not one that a list gave", "cursor") from None
    return at, id_
