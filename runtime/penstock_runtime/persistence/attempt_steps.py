"""The rows of attempts: end them under their fence, and note what became known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, exists, func, literal_column, select, text, update

from penstock_runtime.domain.runs import Attempt
from penstock_runtime.persistence.columns import TextList
from penstock_runtime.persistence.steps import ATTEMPT, Steps
from penstock_runtime.persistence.tables import attempt_running, attempts, members, runs
from penstock_runtime.ports.run_store import AttemptEnd

_c = attempts.c
_ENDED = ("status", "ended_at", "exit_reason", "exit_code", "peak_memory_bytes", "cpu_seconds", "error")
_owner_lives = exists().where(members.c.id == _c.member_id, members.c.ended_at.is_(None))
_end = (
    update(attempts)
    .where(_c.id == bindparam("attempt_id"), _c.status == literal_column("'running'"))
    .values(
        {name: bindparam(f"new_{name}", type_=_c[name].type) for name in _ENDED}
        | {
            # What was noted while it ran stays, where the end does not know better.
            name: func.coalesce(bindparam(f"new_{name}", type_=_c[name].type), _c[name])
            for name in ("pid", "external_id")
        }
    )
    .returning(*ATTEMPT)
)
_END = _end.where(_c.member_id == bindparam("owner"), _c.term == bindparam("owner_term"))
_END_LOST = _end.where(~_owner_lives)
_SET_EXECUTOR_LIST = text(
    "UPDATE attempts SET executor = v.executor FROM unnest(:ids, :executors) AS v(id, executor) "
    "WHERE attempts.id = v.id"
).bindparams(bindparam("ids", type_=TextList()), bindparam("executors", type_=TextList()))
_SET_EXECUTOR = update(attempts).where(_c.id == bindparam("attempt_id")).values(executor=bindparam("new_executor"))
_SET_PROCESS = (
    update(attempts)
    .where(_c.id == bindparam("attempt_id"), _c.status == literal_column("'running'"))
    .values(
        pid=func.coalesce(bindparam("new_pid", type_=_c.pid.type), _c.pid),
        external_id=func.coalesce(bindparam("new_external_id", type_=_c.external_id.type), _c.external_id),
    )
)
_SET_PROCESS_LIST = text(
    "UPDATE attempts SET pid = coalesce(CAST(v.pid AS integer), attempts.pid), "
    "external_id = coalesce(v.external_id, attempts.external_id) "
    "FROM unnest(:ids, CAST(:pids AS text[]), CAST(:external_ids AS text[])) AS v(id, pid, external_id) "
    "WHERE attempts.id = v.id AND attempts.status = 'running'"
).bindparams(bindparam("ids", type_=TextList()))
_TO_CANCEL = (
    select(_c.id, _c.run_id)
    .join_from(attempts, runs, runs.c.id == _c.run_id)
    .where(attempt_running, _c.member_id == bindparam("owner"), runs.c.cancel_requested_at.is_not(None))
)
_RUNNING_OF = select(*ATTEMPT).where(attempt_running, _c.member_id == bindparam("owner"))
_OF_ENDED = (
    select(*ATTEMPT).where(attempt_running, ~_owner_lives).order_by(_c.started_at, _c.id).limit(bindparam("count"))
)


def _values(end: AttemptEnd) -> dict[str, Any]:
    return {f"new_{name}": getattr(end, name) for name in (*_ENDED, "pid", "external_id")}


class AttemptSteps(Steps):
    """Attempts."""

    def end_attempt(self, attempt_id: str, member_id: str, term: int, end: AttemptEnd) -> Attempt | None:
        """See the port."""
        row = self._session.first(_END, attempt_id=attempt_id, owner=member_id, owner_term=term, **_values(end))
        return None if row is None else Attempt(*row)

    def end_lost_attempt(self, attempt_id: str, end: AttemptEnd) -> Attempt | None:
        """See the port."""
        row = self._session.first(_END_LOST, attempt_id=attempt_id, **_values(end))
        return None if row is None else Attempt(*row)

    def set_attempts_executor(self, executor_by_attempt: Mapping[str, str]) -> None:
        """See the port."""
        if not executor_by_attempt:
            return
        if self._session.name == "postgresql":
            ids, executors = list(executor_by_attempt), list(executor_by_attempt.values())
            self._session.change(_SET_EXECUTOR_LIST, ids=ids, executors=executors)
            return
        many = [{"attempt_id": id_, "new_executor": executor} for id_, executor in executor_by_attempt.items()]
        self._session.change_many(_SET_EXECUTOR, many)

    def set_attempts_process(self, pid_by_attempt: Mapping[str, tuple[int | None, str | None]]) -> None:
        """See the port. What is None keeps its value."""
        if not pid_by_attempt:
            return
        if self._session.name == "postgresql":
            pids = [None if pid is None else str(pid) for pid, _ in pid_by_attempt.values()]
            external_ids = [external_id for _, external_id in pid_by_attempt.values()]
            self._session.change(_SET_PROCESS_LIST, ids=list(pid_by_attempt), pids=pids, external_ids=external_ids)
            return
        many = [
            {"attempt_id": id_, "new_pid": pid, "new_external_id": external_id}
            for id_, (pid, external_id) in pid_by_attempt.items()
        ]
        self._session.change_many(_SET_PROCESS, many)

    def attempts_to_cancel(self, member_id: str) -> Sequence[tuple[str, str]]:
        """See the port."""
        return [(row[0], row[1]) for row in self._session.rows(_TO_CANCEL, owner=member_id)]

    def running_attempts_of(self, member_id: str) -> Sequence[Attempt]:
        """See the port."""
        return [Attempt(*row) for row in self._session.rows(_RUNNING_OF, owner=member_id)]

    def attempts_of_ended_members(self, limit: int) -> Sequence[Attempt]:
        """See the port."""
        return [Attempt(*row) for row in self._session.rows(_OF_ENDED, count=limit)]
