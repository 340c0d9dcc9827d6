"""The steps of an in-memory run store that concern claims, what is due, members, rights, triggers and code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from penstock_runtime.domain.runs import (
    RUN_ENDED,
    Attempt,
    AttemptStatus,
    BlockRun,
    BlockRunStatus,
    Lease,
    Member,
    Run,
    RunStatus,
)
from penstock_runtime.ports.run_store import CodeVersion, DueTimes, Trigger
from penstock_runtime.testing.memory_backfill_steps import backfills_with_work
from penstock_runtime.testing.memory_state import StateSteps, plain, stored

Claim = tuple[Run, BlockRun, Attempt]
_DUE = (BlockRunStatus.RETRY_WAIT, BlockRunStatus.DEFERRED)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def _earliest(times: Iterable[datetime | None]) -> datetime | None:
    return min((at for at in times if at is not None), default=None)


class MemoryFleetSteps(StateSteps):
    """Claims, members, triggers, code."""

    def claim_ready(  # noqa: PLR0913 - the port's
        self,
        member_id: str,
        term: int,
        limit: int,
        now: datetime,
        *,
        host: str,
        attempt_ids: Sequence[str],
        executor: str = "",
    ) -> Sequence[Claim]:
        """See the port."""
        ready = self._ready(lambda run: run.admitted and run.block_run_limit is None)
        return self._claim(ready[: max(limit, 0)], (member_id, term, host, executor), now, attempt_ids)

    def limited_runs_with_ready(self, limit: int) -> Sequence[str]:
        """See the port."""
        running = Counter(one.run_id for one in self._running())
        ready = self._ready(lambda run: run.block_run_limit is not None and run.block_run_limit > running[run.id])
        return list(dict.fromkeys(row.run_id for row in ready))[:limit]

    def claim_ready_of(  # noqa: PLR0913 - the port's
        self,
        run: Run,
        member_id: str,
        term: int,
        limit: int,
        now: datetime,
        *,
        host: str,
        attempt_ids: Sequence[str],
        executor: str = "",
    ) -> Sequence[Claim]:
        """See the port."""
        if run.block_run_limit is not None:
            limit = min(limit, run.block_run_limit - sum(1 for one in self._running() if one.run_id == run.id))
        ready = self._ready(lambda one: one.admitted and one.id == run.id)
        return self._claim(ready[: max(limit, 0)], (member_id, term, host, executor), now, attempt_ids)

    def _ready(self, wanted: Callable[[Run], bool]) -> list[BlockRun]:
        ready = [
            row
            for row in self._state.block_runs.values()
            if row.status is BlockRunStatus.READY and wanted(self._state.runs[row.run_id])
        ]
        return sorted(ready, key=lambda row: (row.due_at or _LONG_AGO, row.id))

    def _running(self) -> list[Attempt]:
        return [one for one in self._state.attempts.values() if one.status is AttemptStatus.RUNNING]

    def _claim(
        self, rows: Sequence[BlockRun], owner: tuple[str, int, str, str], now: datetime, attempt_ids: Sequence[str]
    ) -> Sequence[Claim]:
        member_id, term, host, executor = owner
        member = self._state.members.get(member_id)
        if member is None or member.ended_at is not None or member.term != term:
            return []
        claims = []
        for row, attempt_id in zip(rows, attempt_ids, strict=False):
            run = self._state.runs[row.run_id]
            run = replace(run, status=RunStatus.RUNNING, started_at=run.started_at or plain(now))
            at = max(plain(now), row.due_at or plain(now))
            row = replace(  # noqa: PLW2901 - the row as it is after
                row,
                status=BlockRunStatus.RUNNING,
                attempts=row.attempts + 1,
                due_at=None,
                started_at=at,
                first_started_at=row.first_started_at or at,
            )
            attempt = Attempt(
                id=attempt_id,
                run_id=run.id,
                block_run_id=row.id,
                block=row.block,
                map_index=row.map_index,
                number=row.attempts,
                epoch=row.epoch,
                status=AttemptStatus.RUNNING,
                executor=executor,
                member_id=member_id,
                term=term,
                started_at=at,
                host=host,
            )
            self._state.runs[run.id] = run
            self._state.block_runs[row.id] = row
            self._state.attempts[attempt_id] = attempt
            claims.append((run, row, attempt))
        return claims

    # --- what is due -------------------------------------------------------------------------------------------------
    def make_due_ready(self, now: datetime, limit: int) -> Sequence[tuple[str, str]]:
        """See the port."""
        at = plain(now)
        due = [row for row in self._state.block_runs.values() if row.status in _DUE and row.due_at and row.due_at <= at]
        due = sorted(due, key=lambda row: row.due_at or at)[:limit]
        for row in due:
            self._state.block_runs[row.id] = replace(row, status=BlockRunStatus.READY, due_at=at)
        return [(row.run_id, row.id) for row in due]

    def due_times(self) -> DueTimes:
        """See the port."""
        runs = self._state.runs.values()
        return DueTimes(
            _earliest(row.due_at for row in self._state.block_runs.values() if row.status in _DUE),
            _earliest(trigger.next_due_at for trigger in self._live_triggers()),
            _earliest(run.deadline_at for run in runs if run.status not in RUN_ENDED),
            _earliest(run.sla_at for run in runs),
            bool(backfills_with_work(self._state)),
        )

    def due_triggers(self, now: datetime, limit: int) -> Sequence[Trigger]:
        """See the port."""
        at = plain(now)
        due = [(one.next_due_at, one.id, one) for one in self._live_triggers() if one.next_due_at is not None]
        return [one for _, _, one in sorted(due, key=lambda entry: entry[:2]) if one.next_due_at <= at][:limit]

    def _live_triggers(self) -> list[Trigger]:
        return [one for one in self._state.triggers.values() if one.active and one.deleted_at is None]

    def totals(self, now: datetime) -> Mapping[str, float]:
        """See the port."""
        statuses = [run.status for run in self._state.runs.values()]
        ready = [row for row in self._state.block_runs.values() if row.status is BlockRunStatus.READY]
        ages = [(now - row.due_at).total_seconds() for row in ready if row.due_at is not None]
        return {
            "runs_queued": statuses.count(RunStatus.QUEUED),
            "runs_running": statuses.count(RunStatus.RUNNING),
            "block_runs_ready": len(ready),
            "attempts_running": len(self._running()),
            "oldest_ready_age_seconds": max(0.0, max(ages, default=0.0)),
        }

    # --- members and rights ------------------------------------------------------------------------------------------
    def join(self, member: Member) -> int:
        """See the port."""
        self._state.term += 1
        self._state.members[member.id] = stored(replace(member, term=self._state.term))
        return self._state.term

    def heartbeat(
        self, member_id: str, term: int, now: datetime, expires_at: datetime, detail: Mapping[str, Any]
    ) -> bool:
        """See the port."""
        member = self._state.members.get(member_id)
        if member is None or member.term != term or member.ended_at is not None:
            return False
        seen = replace(member, seen_at=now, expires_at=expires_at, detail=detail)
        self._state.members[member_id] = stored(seen)
        return True

    def leave(self, member_id: str, now: datetime) -> None:
        """See the port."""
        member = self._state.members.get(member_id)
        if member is not None and member.ended_at is None:
            self._state.members[member_id] = replace(member, ended_at=plain(now))

    def end_expired_members(self, now: datetime) -> Sequence[Member]:
        """See the port."""
        at = plain(now)
        gone = [replace(one, ended_at=at) for one in self.members() if one.expires_at <= at]
        self._state.members.update({one.id: one for one in gone})
        return sorted(gone, key=lambda one: one.term)

    def members(self, *, alive_only: bool = True) -> Sequence[Member]:
        """See the port."""
        found = [one for one in self._state.members.values() if one.ended_at is None or not alive_only]
        return sorted(found, key=lambda one: (one.started_at, one.term))

    def acquire_lease(self, name: str, holder: str, now: datetime, expires_at: datetime) -> Lease:
        """See the port."""
        held = self._state.leases.get(name)
        if held is not None and held.holder not in ("", holder) and held.expires_at > plain(now):
            return held
        term = 1 if held is None else held.term + (held.holder != holder)
        lease = self._state.leases[name] = Lease(name, holder, term, plain(expires_at))
        return lease

    def release_lease(self, name: str, holder: str) -> None:
        """See the port."""
        held = self._state.leases.get(name)
        if held is not None and held.holder == holder:
            self._state.leases[name] = Lease(name, "", held.term, _LONG_AGO)

    def lease(self, name: str) -> Lease | None:
        """See the port."""
        held = self._state.leases.get(name)
        return None if held is None or not held.holder else held

    # --- triggers ----------------------------------------------------------------------------------------------------
    def put_trigger(self, trigger: Trigger) -> None:
        """See the port."""
        name = (trigger.pipeline, trigger.name)
        known = next((one for one in self._state.triggers.values() if (one.pipeline, one.name) == name), None)
        known = known or self._state.triggers.get(trigger.id)
        trigger = stored(replace(trigger, deleted_at=None))
        if known is not None:
            trigger = replace(trigger, id=known.id, created_at=known.created_at)
        self._state.triggers[trigger.id] = trigger

    def triggers(self, pipeline: str | None = None) -> Sequence[Trigger]:
        """See the port."""
        found = [
            one for one in self._state.triggers.values() if one.deleted_at is None and pipeline in (None, one.pipeline)
        ]
        return sorted(found, key=lambda one: (one.pipeline, one.name))

    def trigger(self, trigger_id: str) -> Trigger | None:
        """See the port."""
        return self._state.triggers.get(trigger_id)

    def delete_trigger(self, trigger_id: str, now: datetime) -> bool:
        """See the port."""
        known = self._state.triggers.get(trigger_id)
        if known is None or known.deleted_at is not None:
            return False
        at = plain(now)
        self._state.triggers[trigger_id] = replace(known, deleted_at=at, updated_at=at)
        return True

    def move_trigger(self, trigger_id: str, next_due_at: datetime | None, now: datetime) -> None:
        """See the port."""
        known = self._state.triggers.get(trigger_id)
        if known is not None:
            moved = replace(known, next_due_at=plain(next_due_at), next_tick_at=None, updated_at=plain(now))
            self._state.triggers[trigger_id] = moved

    # --- code --------------------------------------------------------------------------------------------------------
    def publish_code_version(self, digest: str, now: datetime, by: str | None = None) -> CodeVersion:
        """See the port."""
        newest = self.newest_code_version()
        if newest is None or newest.digest != digest:
            newest = CodeVersion(1 if newest is None else newest.number + 1, digest, plain(now), by)
            self._state.versions.append(newest)
        return newest

    def newest_code_version(self) -> CodeVersion | None:
        """See the port."""
        return self._state.versions[-1] if self._state.versions else None

    def bundles_in_use(self) -> frozenset[str]:
        """See the port."""
        newest = self.newest_code_version()
        used = {run.bundle for run in self._state.runs.values()}
        return frozenset(used if newest is None else used | {newest.digest})

    def claim_idempotency_key(
        self, scope: str, key: str, body_hash: str, run_id: str, expires_at: datetime, *, now: datetime | None = None
    ) -> tuple[str, str] | None:
        """See the port."""
        known = self._state.keys.get((scope, key))
        if known is not None and (now is None or known[2] > plain(now)):
            return known[:2]
        self._state.keys[scope, key] = (run_id, body_hash, plain(expires_at))
        return None
