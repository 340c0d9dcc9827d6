"""Reading triggers.yaml: when, and by whom, a pipeline's runs are started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.schedules import parse_schedule
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.project import keys
from penstock_runtime.project.documents import DocumentBroken, read
from penstock_runtime.project.findings import Findings
from penstock_runtime.project.findings import Path as Place
from penstock_runtime.project.paths import TRIGGERS, is_slug, pipeline_file
from penstock_runtime.project.problems import Problem, Severity

KINDS = {"time": "schedule", "api": "api", "event": "event"}
"""The project format's `schedule_type`, and our kind of trigger."""
_COPIED = ("schedule_interval", "start_time", "end_time", "timezone", "sla", "description")


@dataclass(frozen=True, slots=True)
class ReadTriggers:
    """The triggers that can be used, and every problem. The records carry no id: the store's is kept by name."""

    triggers: tuple[Trigger, ...] = ()
    problems: tuple[Problem, ...] = ()


def read_triggers(root: Path, pipeline: str) -> ReadTriggers:
    """Read the triggers of a pipeline; none when it has no triggers.yaml. A broken trigger never hides the others."""
    file = pipeline_file(pipeline, TRIGGERS)
    findings = Findings(file, pipeline)
    if not is_slug(pipeline):
        return ReadTriggers()
    try:
        document = read(root, file)
    except FileNotFoundError:
        return ReadTriggers()
    except DocumentBroken as error:
        findings.add("bad-yaml", f"the triggers cannot be read: {error}", "mend the YAML", (error.line, error.column))
        return ReadTriggers(problems=tuple(findings.problems))
    findings.document = document
    findings.duplicate_keys()
    findings.unknown_keys((), document.mapping(), {"triggers"})
    entries = document.mapping().get("triggers")
    if entries is not None and not isinstance(entries, list):
        findings.at(("triggers",), "wrong-type", "`triggers` is not a list", "write `- name: …` under it")
        entries = None
    found: dict[str, Trigger] = {}
    for index, values in enumerate(entries or ()):
        trigger = _trigger(findings, ("triggers", index), values, pipeline)
        if trigger is not None and trigger.name in found:
            findings.at(
                ("triggers", index, "name"),
                "duplicate-name",
                f"the trigger {trigger.name!r} stands twice",
                "rename one",
            )
        elif trigger is not None:
            found[trigger.name] = trigger
    return ReadTriggers(tuple(found.values()), tuple(sorted(findings.problems)))


def _trigger(findings: Findings, path: Place, values: Any, pipeline: str) -> Trigger | None:
    if not isinstance(values, dict):
        findings.at(path, "wrong-type", "an entry of the list is not a trigger", "write `name:`, `schedule_type:` …")
        return None
    name = str(values.get("name") or "")
    if not name:
        findings.at(path, "bad-name", "a trigger has no name", "give it one")
        return None
    findings.unknown_keys(path, values, keys.TRIGGER_READ, keys.TRIGGER_BOOKKEEPING | set(keys.TRIGGER_UNSUPPORTED))
    findings.unsupported_keys(path, values, keys.TRIGGER_UNSUPPORTED)
    kind = KINDS.get(str(values.get("schedule_type") or "time"))
    if kind is None:
        findings.at(
            (*path, "schedule_type"),
            "wrong-value",
            f"there is no schedule_type {values['schedule_type']!r}",
            "use time, api or event",
        )
    status = values.get("status") or "inactive"
    if status not in ("active", "inactive"):
        findings.at((*path, "status"), "wrong-value", f"there is no status {status!r}", "use active or inactive")
    settings = _settings(findings, path, values)
    if kind is None or (kind == "schedule" and not _schedule_holds(findings, path, values, settings)):
        return None
    variables = findings.mapping((*path, "variables"), values.get("variables"))
    return Trigger("", pipeline, name, kind, status == "active", settings=settings, variables=variables, in_code=True)


def _settings(findings: Findings, path: Place, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return one flat mapping, JSON all through: the trigger's own keys and its `settings`."""
    place = (*path, "settings")
    section = findings.mapping(place, values.get("settings"))
    findings.unknown_keys(
        place, section, keys.TRIGGER_SETTINGS, set(keys.TRIGGER_SETTINGS_UNSUPPORTED), Severity.WARNING
    )
    findings.unsupported_keys(place, section, keys.TRIGGER_SETTINGS_UNSUPPORTED)
    own = {key: values[key] for key in _COPIED if values.get(key) is not None}
    return {key: _plain(value) for key, value in {**section, **own}.items()}


def _schedule_holds(findings: Findings, path: Place, values: Mapping[str, Any], settings: Mapping[str, Any]) -> bool:
    try:
        parse_schedule(settings)
    except InvalidInput as error:
        field = error.field or ""
        place = (*path, field) if field in values or "settings" not in values else (*path, "settings", field)
        code = "bad-cron" if field == "schedule_interval" else "wrong-value"
        findings.at(
            place, code, str(error), "write five cron fields, or a preset such as @daily" if code == "bad-cron" else ""
        )
        return False
    return True


def _plain(value: Any) -> Any:
    """YAML makes dates of what looks like one; the store keeps JSON."""
    return value.isoformat() if isinstance(value, date | datetime) else value
