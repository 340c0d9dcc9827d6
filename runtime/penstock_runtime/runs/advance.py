"""What the end of a block means for the rest of its run. Every function runs with the run's row locked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import (
    UNMAPPED,
    BlockRun,
    BlockRunKind,
    BlockRunStatus,
    Run,
    RunStatus,
)
from penstock_runtime.ports.run_store import BlockRunChange, RunTransaction
from penstock_runtime.runs.occasions import record_ending

MAX_FAN_OUT = 10_000
"""Instances that one mapped block may have in one run."""


SHOWN = 10
"""Failed instances that an error names."""


class Advance:
    """One run, locked, while its graph moves. `opened` is the change to its count of open block runs.

    `told` counts the messages to people that its end recorded.
    """

    def __init__(self, tx: RunTransaction, plan: PipelinePlan, run: Run, now: datetime) -> None:
        """Keep what every step needs."""
        self._tx = tx
        self._plan = plan
        self._run = run
        self._now = now
        self.opened = 0
        self.made_ready = 0
        self.told = 0

    def ended(self, block_run: BlockRun) -> None:
        """Draw the consequences of a block run that has just been given a final status."""
        self.opened -= 1
        if block_run.kind is BlockRunKind.INSTANCE:
            self._instance_ended(block_run)
        elif block_run.kind is BlockRunKind.BLOCK:
            self._block_ended(block_run.block, block_run.status, block_run.error)

    def settle(self) -> RunStatus | None:
        """Write the count; end the run when nothing of it is open. Returns its final status then."""
        left = self._tx.add_open_block_runs(self._run.id, self.opened)
        self.opened = 0
        if left > 0:
            return None
        status = self._final_status()
        going = (RunStatus.QUEUED, RunStatus.RUNNING)
        if self._tx.change_run(self._run.id, going, status, ended_at=self._now):
            self.told += record_ending(self._tx, self._plan, self._run, status, self._now)
        return status

    def _final_status(self) -> RunStatus:
        counts = self._tx.status_counts([self._run.id]).get(self._run.id, {})
        if counts.get(BlockRunStatus.CANCELLED, 0):
            timed_out = self._run.timed_out_at is not None and self._run.timeout_status
            return RunStatus(timed_out) if timed_out else RunStatus.CANCELLED
        failed = counts.get(BlockRunStatus.FAILED, 0) + counts.get(BlockRunStatus.UPSTREAM_FAILED, 0)
        return RunStatus.FAILED if failed else RunStatus.SUCCEEDED

    def _block_ended(self, slug: str, status: BlockRunStatus, error: Mapping[str, Any] | None = None) -> None:
        self._record_callbacks(slug, status, error)
        if status is BlockRunStatus.SUCCEEDED:
            self._after_success(slug)
        elif status is BlockRunStatus.FAILED:
            self._end_descendants(slug, BlockRunStatus.UPSTREAM_FAILED)
        elif status is BlockRunStatus.SKIPPED:
            self._end_descendants(slug, BlockRunStatus.SKIPPED)

    def _end_descendants(self, slug: str, status: BlockRunStatus) -> None:
        below = self._plan.descendants[slug]
        if below:
            change = BlockRunChange(status, ended_at=self._now)
            self.opened -= len(self._tx.change_blocks(self._run.id, sorted(below), (BlockRunStatus.PENDING,), change))

    def _after_success(self, slug: str) -> None:
        dependents = self._plan.by_slug[slug].downstream
        if not dependents or self._run.cancel_requested_at is not None:
            return
        # A mapped block is never ready itself: it fans out.
        plain = [block for block in dependents if block not in self._plan.mapped_by]
        rows = self._tx.count_down(self._run.id, dependents, self._now, plain)
        self.made_ready += sum(row.status is BlockRunStatus.READY for row in rows)
        for row in rows:
            if row.waiting_on == 0 and row.block in self._plan.mapped_by:
                self.fan_out(row.block)

    def fan_out(self, slug: str) -> None:
        """Make the instances of a mapped block whose upstream have all succeeded."""
        source = self._tx.block_run(self._run.id, self._plan.mapped_by[slug])
        count = (source.fan_out if source else None) or 0
        if count > MAX_FAN_OUT:
            text = f"{count} instances; a mapped block may have {MAX_FAN_OUT}"
            self._end_group(slug, BlockRunStatus.FAILED, {"type": "fan_out", "message": text})
            return
        if count == 0:
            self._end_group(slug, BlockRunStatus.SUCCEEDED, None)
            return
        change = BlockRunChange(BlockRunStatus.RUNNING, open_instances=count, fan_out=count, started_at=self._now)
        self._tx.change_blocks(self._run.id, (slug,), (BlockRunStatus.PENDING,), change)
        self._make_instances(slug, count)
        self.opened += count
        self.made_ready += count

    def _make_instances(self, slug: str, count: int) -> None:
        known: set[int] = set()
        if self._run.epoch > 1:
            # An earlier epoch's rows are taken up again: the attempt numbers of an index only grow (I2).
            for row in self._tx.instances(self._run.id, slug):
                if row.map_index < count:
                    self._tx.reset_block_run(row.id, self._run.epoch, BlockRunStatus.READY, 0, self._now)
                    known.add(row.map_index)
        self._tx.insert_block_runs([self._instance(slug, index) for index in range(count) if index not in known])

    def _instance(self, slug: str, index: int) -> BlockRun:
        return BlockRun(
            id=new_id(),
            run_id=self._run.id,
            block=slug,
            map_index=index,
            kind=BlockRunKind.INSTANCE,
            status=BlockRunStatus.READY,
            epoch=self._run.epoch,
            due_at=self._now,
        )

    def _instance_ended(self, instance: BlockRun) -> None:
        group = self._tx.instance_ended(self._run.id, instance.block)
        if group is None or group.open_instances > 0 or group.status is not BlockRunStatus.RUNNING:
            return
        rows = self._tx.instances(self._run.id, instance.block)
        instances = [row for row in rows if row.epoch == self._run.epoch]
        status, error = group_verdict(instances)
        fan_out = None
        if self._plan.by_slug[instance.block].dynamic:
            fan_out = sum(one.fan_out or 0 for one in instances)
        self._end_group(instance.block, status, error, fan_out=fan_out)

    def _end_group(
        self, slug: str, status: BlockRunStatus, error: Mapping[str, Any] | None, fan_out: int | None = None
    ) -> None:
        change = BlockRunChange(status, ended_at=self._now, error=error, fan_out=fan_out)
        before = (BlockRunStatus.PENDING, BlockRunStatus.RUNNING)
        if self._tx.change_blocks(self._run.id, (slug,), before, change):
            self.opened -= 1
            self._block_ended(slug, status, error)

    def _record_callbacks(self, slug: str, status: BlockRunStatus, error: Mapping[str, Any] | None) -> None:
        event = {BlockRunStatus.SUCCEEDED: "success", BlockRunStatus.FAILED: "failure"}.get(status)
        callbacks = self._plan.by_slug[slug].callbacks
        if event is None or not callbacks or self._plan.in_one_process:
            return
        if self._run.cancel_requested_at is not None:
            # A cancelled run starts no user code any more.
            return
        rows = [self._callback(name, slug, event, error) for name in callbacks]
        # Recorded once per epoch: the unique key swallows a second recording.
        added = self._tx.insert_block_runs(rows)
        self.opened += added
        self.made_ready += added

    def _callback(self, name: str, parent: str, event: str, error: Mapping[str, Any] | None) -> BlockRun:
        return BlockRun(
            id=new_id(),
            run_id=self._run.id,
            block=name,
            map_index=UNMAPPED,
            kind=BlockRunKind.CALLBACK,
            status=BlockRunStatus.READY,
            epoch=self._run.epoch,
            due_at=self._now,
            parent=parent,
            event=event,
            error=error,
        )


def group_verdict(instances: Sequence[BlockRun]) -> tuple[BlockRunStatus, Mapping[str, Any] | None]:
    """Return what a group of ended instances amounts to, and why when it failed; pure."""
    failed = [one.map_index for one in instances if one.status is BlockRunStatus.FAILED]
    if failed:
        shown = ", ".join(str(index) for index in failed[:SHOWN]) + (" …" if len(failed) > SHOWN else "")
        return BlockRunStatus.FAILED, {
            "type": "instances_failed",
            "message": f"{len(failed)} of {len(instances)} instances failed: {shown}",
        }
    if any(one.status is BlockRunStatus.CANCELLED for one in instances):
        return BlockRunStatus.CANCELLED, None
    if instances and all(one.status is BlockRunStatus.SKIPPED for one in instances):
        return BlockRunStatus.SKIPPED, None
    return BlockRunStatus.SUCCEEDED, None
