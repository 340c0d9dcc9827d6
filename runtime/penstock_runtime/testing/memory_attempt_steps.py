"""The steps of an in-memory run store that concern attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from penstock_runtime.domain.runs import Attempt, AttemptStatus
from penstock_runtime.ports.run_store import AttemptEnd
from penstock_runtime.testing.memory_state import StateSteps, stored


class MemoryAttemptSteps(StateSteps):
    """Attempts."""

    def attempts(self, run_id: str, block: str | None = None, map_index: int | None = None) -> Sequence[Attempt]:
        """See the port."""
        found = [
            one
            for one in self._state.attempts.values()
            if one.run_id == run_id and block in (None, one.block) and map_index in (None, one.map_index)
        ]
        return sorted(found, key=lambda one: (one.started_at, one.id))

    def attempt(self, attempt_id: str) -> Attempt | None:
        """See the port."""
        return self._state.attempts.get(attempt_id)

    def end_attempt(self, attempt_id: str, member_id: str, term: int, end: AttemptEnd) -> Attempt | None:
        """See the port."""
        attempt = self._state.attempts.get(attempt_id)
        if attempt is None or (attempt.member_id, attempt.term) != (member_id, term):
            return None
        return self._end(attempt, end)

    def end_lost_attempt(self, attempt_id: str, end: AttemptEnd) -> Attempt | None:
        """See the port."""
        attempt = self._state.attempts.get(attempt_id)
        return None if attempt is None or self._owner_lives(attempt) else self._end(attempt, end)

    def attempts_of_ended_members(self, limit: int) -> Sequence[Attempt]:
        """See the port."""
        running = [one for one in self._state.attempts.values() if one.status is AttemptStatus.RUNNING]
        found = [one for one in running if not self._owner_lives(one)]
        return sorted(found, key=lambda one: (one.started_at, one.id))[:limit]

    def set_attempts_executor(self, executor_by_attempt: Mapping[str, str]) -> None:
        """See the port."""
        for attempt_id, executor in executor_by_attempt.items():
            attempt = self._state.attempts.get(attempt_id)
            if attempt is not None:
                self._state.attempts[attempt_id] = replace(attempt, executor=executor)

    def set_attempts_process(self, pid_by_attempt: Mapping[str, tuple[int | None, str | None]]) -> None:
        """See the port."""
        for attempt_id, (pid, external_id) in pid_by_attempt.items():
            attempt = self._state.attempts.get(attempt_id)
            if attempt is not None and attempt.status is AttemptStatus.RUNNING:
                self._state.attempts[attempt_id] = replace(
                    attempt,
                    pid=attempt.pid if pid is None else pid,
                    external_id=attempt.external_id if external_id is None else external_id,
                )

    def running_attempts_of(self, member_id: str) -> Sequence[Attempt]:
        """See the port."""
        found = self._state.attempts.values()
        return [one for one in found if one.status is AttemptStatus.RUNNING and one.member_id == member_id]

    def attempts_to_cancel(self, member_id: str) -> Sequence[tuple[str, str]]:
        """See the port."""
        return [
            (one.id, one.run_id)
            for one in self._state.attempts.values()
            if one.status is AttemptStatus.RUNNING
            and one.member_id == member_id
            and self._state.runs[one.run_id].cancel_requested_at is not None
        ]

    def _owner_lives(self, attempt: Attempt) -> bool:
        owner = self._state.members.get(attempt.member_id)
        return owner is not None and owner.ended_at is None

    def _end(self, attempt: Attempt, end: AttemptEnd) -> Attempt | None:
        if attempt.status is not AttemptStatus.RUNNING:
            return None
        end = stored(end)
        ended = replace(
            attempt,
            status=end.status,
            ended_at=end.ended_at,
            exit_reason=end.exit_reason,
            exit_code=end.exit_code,
            pid=attempt.pid if end.pid is None else end.pid,
            external_id=attempt.external_id if end.external_id is None else end.external_id,
            peak_memory_bytes=end.peak_memory_bytes,
            cpu_seconds=end.cpu_seconds,
            error=end.error,
        )
        self._state.attempts[attempt.id] = ended
        return ended
