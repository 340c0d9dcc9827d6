"""Records as dictionaries of the answer's shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.ports.backfills import Backfill
from penstock_runtime.ports.run_store import RunTransaction
from penstock_runtime.runs.backfills import Preview
from penstock_runtime.server.json_response import rfc3339


def backfill_views(tx: RunTransaction, backfills: Sequence[Backfill]) -> list[dict[str, Any]]:
    """Return backfills with the counts of their runs, which are read at once."""
    counts = tx.backfill_counts([one.id for one in backfills]) if backfills else {}
    return [_backfill_view(one, counts.get(one.id, {})) for one in backfills]


def _backfill_view(backfill: Backfill, counts: Mapping[RunStatus, int]) -> dict[str, Any]:
    return {
        "id": backfill.id,
        "name": backfill.name,
        "pipeline": backfill.pipeline,
        "status": backfill.status.value,
        "reason": backfill.reason,
        "schedule": {
            "schedule_interval": backfill.schedule.get("schedule_interval"),
            "interval_seconds": backfill.schedule.get("interval_seconds"),
            "timezone": backfill.schedule.get("timezone") or "UTC",
        },
        "start_at": rfc3339(backfill.start_at),
        "end_at": rfc3339(backfill.end_at),
        "order": "newest_first" if backfill.newest_first else "oldest_first",
        "concurrency": backfill.concurrency,
        "variables": dict(backfill.variables),
        "total": backfill.total,
        "made": backfill.made,
        "runs_by_status": {status.value: count for status, count in counts.items() if count},
        "retrying": backfill.retry_asked_at is not None,
        "created_at": rfc3339(backfill.created_at),
        "created_by": backfill.created_by,
        "ended_at": rfc3339(backfill.ended_at),
    }


def preview_view(preview: Preview) -> dict[str, Any]:
    """Return a preview."""
    return {
        "total": preview.total,
        "first_at": rfc3339(preview.first_at),
        "last_at": rfc3339(preview.last_at),
        "next_times": [rfc3339(at) for at in preview.next_times],
        "succeeded": preview.succeeded,
    }
