"""The rules that a trigger's settings put on its runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.domain.trigger_rules import NO_RULES, TriggerRules, parse_rules

NOW = datetime(2026, 3, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("settings", "rules"),
    [
        ({}, NO_RULES),
        ({"timeout": 0, "sla": None, "pipeline_run_limit": 0, "timeout_status": ""}, NO_RULES),
        ({"timeout": 600}, TriggerRules(timeout_seconds=600)),
        (
            {"timeout": "600", "timeout_status": "cancelled"},
            TriggerRules(timeout_seconds=600, timeout_status=RunStatus.CANCELLED),
        ),
        ({"sla": 3600}, TriggerRules(sla_seconds=3600)),
        ({"skip_if_previous_running": True}, TriggerRules(alone=True)),
        ({"skip_if_previous_running": False}, NO_RULES),
        (
            {"pipeline_run_limit": 2, "on_pipeline_run_limit_reached": "skip"},
            TriggerRules(run_limit=2, run_limit_reached="skip"),
        ),
    ],
)
def test_settings_and_what_they_mean(settings: dict[str, Any], rules: TriggerRules):
    assert parse_rules(settings) == rules


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("timeout", -1),
        ("timeout", "soon"),
        ("timeout", True),
        ("timeout", float("nan")),
        ("timeout_status", "succeeded"),
        ("sla", -5),
        ("sla", [1]),
        ("pipeline_run_limit", 0.5),
        ("pipeline_run_limit", False),
        ("skip_if_previous_running", "yes"),
        ("on_pipeline_run_limit_reached", "queue"),
    ],
)
def test_what_cannot_be_used_is_named(field: str, value: Any):
    with pytest.raises(InvalidInput, match=field) as refused:
        parse_rules({field: value})
    assert refused.value.field == field


def test_times():
    assert (NO_RULES.deadline(NOW), NO_RULES.promised(NOW)) == (None, None)
    rules = TriggerRules(timeout_seconds=60, sla_seconds=30)
    assert rules.deadline(NOW) == NOW + timedelta(seconds=60)
    assert rules.promised(NOW) == NOW + timedelta(seconds=30)
