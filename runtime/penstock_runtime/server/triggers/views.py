"""Triggers as dictionaries of the answer's shape."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from penstock_runtime.domain.runs import Run
from penstock_runtime.domain.schedules import Schedule, next_ticks
from penstock_runtime.ports.lost_ticks import LostTick
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.server.json_response import rfc3339
from penstock_runtime.server.pipelines.views import last_run_view


def trigger_view(trigger: Trigger, last_run: Run | None) -> dict[str, Any]:
    """Return a trigger. Its token is kept nowhere; one that a file holds in clear is no setting."""
    return {
        "id": trigger.id,
        "pipeline": trigger.pipeline,
        "name": trigger.name,
        "kind": trigger.kind,
        "active": trigger.active,
        "settings": shown_settings(trigger),
        "variables": dict(trigger.variables),
        "next_due_at": rfc3339(trigger.next_due_at),
        "next_tick_at": rfc3339(trigger.tick_at),
        "in_code": trigger.in_code,
        "has_token": trigger.token_digest is not None,
        "last_run": last_run_view(last_run),
        "etag": etag_of_trigger(trigger),
        "created_at": rfc3339(trigger.created_at),
        "updated_at": rfc3339(trigger.updated_at),
    }


def shown_settings(trigger: Trigger) -> dict[str, Any]:
    """Return the settings without a token: it lets its holder start runs, so no read shows it."""
    return {key: value for key, value in trigger.settings.items() if key != "token"}


def etag_of_trigger(trigger: Trigger) -> str:
    """Return a hash of what people can change of a trigger."""
    parts = [trigger.name, trigger.kind, trigger.active, shown_settings(trigger), dict(trigger.variables)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


def ticks_view(schedule: Schedule, now: datetime, lost: Sequence[LostTick], count: int) -> dict[str, Any]:
    """Return the next ticks with the time on the wall, and the gaps."""
    zone = ZoneInfo(schedule.timezone)
    return {
        "timezone": schedule.timezone,
        "always_on": schedule.always_on,
        "ticks": [
            {"at": rfc3339(at), "local": at.astimezone(zone).isoformat()} for at in next_ticks(schedule, now, count)
        ],
        "lost": [lost_view(one) for one in lost],
    }


def lost_view(lost: LostTick) -> dict[str, Any]:
    """Return a gap."""
    return {
        "kind": lost.kind.value,
        "first_at": rfc3339(lost.first_at),
        "last_at": rfc3339(lost.last_at),
        "ticks": lost.ticks,
        "reason": lost.reason,
        "recorded_at": rfc3339(lost.recorded_at),
    }
