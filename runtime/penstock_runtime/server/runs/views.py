"""Records as dictionaries of the answer's shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from penstock_runtime.domain.runs import UNMAPPED, Attempt, BlockRun, BlockRunStatus, Run
from penstock_runtime.ports.run_store import RunTransaction
from penstock_runtime.server.json_response import rfc3339


def run_view(run: Run, counts: Mapping[BlockRunStatus, int]) -> dict[str, Any]:
    """Return a run."""
    trigger = None
    if run.trigger_id is not None:
        trigger = {"id": run.trigger_id, "name": run.trigger_name, "kind": run.trigger_kind}
    return {
        "id": run.id,
        "pipeline": run.pipeline,
        "status": run.status.value,
        "epoch": run.epoch,
        "trigger": trigger,
        "logical_at": rfc3339(run.logical_at),
        "created_at": rfc3339(run.created_at),
        "started_at": rfc3339(run.started_at),
        "ended_at": rfc3339(run.ended_at),
        "variables": dict(run.variables),
        "bundle": run.bundle,
        "blocks_by_status": {status.value: count for status, count in counts.items() if count},
        "cancel_requested_at": rfc3339(run.cancel_requested_at),
        "held": not run.admitted,
        "created_by": run.created_by,
    }


def run_views(tx: RunTransaction, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Return runs with their counts, which are read at once."""
    counts = tx.status_counts([run.id for run in runs]) if runs else {}
    return [run_view(run, counts.get(run.id, {})) for run in runs]


def failure_view(error: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return an error's type, message and traceback as text."""
    if error is None:
        return None
    return {key: None if error.get(key) is None else str(error[key]) for key in ("type", "message", "traceback")}


def attempt_view(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt."""
    return {
        "id": attempt.id,
        "number": attempt.number,
        "epoch": attempt.epoch,
        "status": attempt.status.value,
        "executor": attempt.executor,
        "external_id": attempt.external_id,
        "host": attempt.host,
        "pid": attempt.pid,
        "started_at": rfc3339(attempt.started_at),
        "ended_at": rfc3339(attempt.ended_at),
        "exit_reason": attempt.exit_reason.value if attempt.exit_reason else None,
        "exit_code": attempt.exit_code,
        "peak_memory_bytes": attempt.peak_memory_bytes,
        "cpu_seconds": attempt.cpu_seconds,
        "error": failure_view(attempt.error),
    }


def block_run_views(rows: Iterable[BlockRun], attempts: Iterable[Attempt]) -> list[dict[str, Any]]:
    """Return block runs, each with its attempts."""
    by_row: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_row.setdefault(attempt.block_run_id, []).append(attempt)
    return [_block_run_view(row, by_row.get(row.id, ())) for row in rows]


def _block_run_view(row: BlockRun, attempts: Iterable[Attempt]) -> dict[str, Any]:
    return {
        "id": row.id,
        "block": row.block,
        "map_index": map_index_view(row.map_index),
        "kind": row.kind.value,
        "status": row.status.value,
        "epoch": row.epoch,
        "waiting_on": row.waiting_on,
        "due_at": rfc3339(row.due_at),
        "started_at": rfc3339(row.started_at),
        "ended_at": rfc3339(row.ended_at),
        "fan_out": row.fan_out,
        "failures": row.failures,
        "losses": row.losses,
        "error": failure_view(row.error),
        "tests": [_test_view(test) for test in row.tests or ()],
        "parent": row.parent,
        "event": row.event,
        "attempts": [attempt_view(attempt) for attempt in attempts],
    }


def map_index_view(map_index: int) -> int | None:
    """Return null for a block run that is no instance of a mapped block."""
    return None if map_index == UNMAPPED else map_index


def _test_view(test: Mapping[str, Any]) -> dict[str, Any]:
    message = test.get("message")
    return {
        "name": str(test.get("name", "")),
        "passed": bool(test.get("passed")),
        "message": None if message is None else str(message),
    }
