"""What a trigger's settings say about its runs: how many at once, how long, by when; pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.runs import RunStatus

_TEN_YEARS = 10 * 366 * 86400


@dataclass(frozen=True, slots=True)
class TriggerRules:
    """The rules of one trigger's runs.

    `run_limit` is how many of them may be going at once (None: as the pipeline has it); `run_limit_reached` what a
    further one does, wait or skip (None: as the pipeline has it). With `alone` a run is skipped while one is going or
    waiting. After `timeout_seconds` a run is ended as `timeout_status`; it is late `sla_seconds` after its logical
    time, or after it was asked for.
    """

    run_limit: int | None = None
    run_limit_reached: str | None = None
    alone: bool = False
    timeout_seconds: float | None = None
    timeout_status: RunStatus = RunStatus.FAILED
    sla_seconds: float | None = None

    def deadline(self, now: datetime) -> datetime | None:
        """Return when a run that may begin at `now` is ended, or None."""
        return None if self.timeout_seconds is None else now + timedelta(seconds=self.timeout_seconds)

    def promised(self, since: datetime) -> datetime | None:
        """Return by when a run that is due since then has to have ended well, or None."""
        return None if self.sla_seconds is None else since + timedelta(seconds=self.sla_seconds)


NO_RULES = TriggerRules()

SHORTEST_TOKEN = 16


def token_digest(token: str) -> str:
    """Return what is kept of a trigger's token: its SHA-256, in hex. Tokens are random, so a plain digest is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def parse_rules(settings: Mapping[str, Any]) -> TriggerRules:
    """Return the rules that a trigger's settings describe. InvalidInput names the field."""
    reached = settings.get("on_pipeline_run_limit_reached")
    if reached not in (None, "wait", "skip"):
        text = f"`on_pipeline_run_limit_reached` is {reached!r}; write wait or skip"
        raise InvalidInput(text, "on_pipeline_run_limit_reached")
    limit = _number(settings, "pipeline_run_limit", minimum=1)
    return TriggerRules(
        run_limit=None if limit is None else int(limit),
        run_limit_reached=reached,
        alone=_switch(settings, "skip_if_previous_running"),
        timeout_seconds=_number(settings, "timeout"),
        timeout_status=_timeout_status(settings.get("timeout_status")),
        sla_seconds=_number(settings, "sla"),
    )


def _timeout_status(value: Any) -> RunStatus:
    if value in (None, ""):
        return RunStatus.FAILED
    if value not in (RunStatus.FAILED.value, RunStatus.CANCELLED.value):
        raise InvalidInput(f"`timeout_status` is {value!r}; write failed or cancelled", "timeout_status")
    return RunStatus(value)


def _number(settings: Mapping[str, Any], field: str, minimum: float = 0) -> float | None:
    """Return a number, None for 0: the format's editor writes that for none."""
    value = settings.get(field)
    if value is None or value == "" or (value == 0 and value is not False):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if isinstance(value, bool) or not max(minimum, 1e-3) <= number <= _TEN_YEARS:
        raise InvalidInput(f"`{field}` is {value!r}; write a number above 0, or leave it out", field)
    return number


def _switch(settings: Mapping[str, Any], field: str) -> bool:
    value = settings.get(field)
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(f"`{field}` is {value!r}; write true or false", field)
    return value is True
