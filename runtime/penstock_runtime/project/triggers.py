"""Reading triggers.yaml: when, and by whom, a pipeline's runs are started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.event_matching import parse_event
from penstock_runtime.domain.schedules import parse_schedule
from penstock_runtime.domain.trigger_rules import SHORTEST_TOKEN, parse_rules, token_digest
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.project import keys
from penstock_runtime.project.documents import Document, DocumentBroken, parse, read
from penstock_runtime.project.findings import Findings
from penstock_runtime.project.findings import Path as Place
from penstock_runtime.project.paths import TRIGGERS, is_slug, pipeline_file
from penstock_runtime.project.problems import Problem, Severity
from penstock_runtime.project.trigger_entry import OWN_KEYS, SCHEDULE_TYPES

KINDS = {written: kind for kind, written in SCHEDULE_TYPES.items()}
"""The project format's `schedule_type`, and our kind of trigger."""


@dataclass(frozen=True, slots=True)
class ReadTriggers:
    """The triggers that can be used, and every problem. The records carry no id: the store's is kept by name.

    `broken` are the names of the entries that cannot be used; `readable` is false when the file is no list of triggers
    at all, so that nobody knows which it means.
    """

    triggers: tuple[Trigger, ...] = ()
    problems: tuple[Problem, ...] = ()
    broken: frozenset[str] = frozenset()
    readable: bool = True


def read_triggers(root: Path, pipeline: str) -> ReadTriggers:
    """Read the triggers of a pipeline; none when it has no triggers.yaml. A broken trigger never hides the others."""
    if not is_slug(pipeline):
        return ReadTriggers()
    file = pipeline_file(pipeline, TRIGGERS)
    try:
        return _triggers(read(root, file), pipeline)
    except FileNotFoundError:
        return ReadTriggers()
    except DocumentBroken as error:
        findings = Findings(file, pipeline)
        findings.add("bad-yaml", f"the triggers cannot be read: {error}", "mend the YAML", (error.line, error.column))
        return ReadTriggers(problems=tuple(findings.problems), readable=False)


def triggers_of_text(text: str, pipeline: str) -> ReadTriggers:
    """Return the triggers that the text of a triggers.yaml describes. DocumentBroken."""
    return _triggers(parse(text, pipeline_file(pipeline, TRIGGERS)), pipeline)


def _triggers(document: Document, pipeline: str) -> ReadTriggers:
    findings = Findings(document.file, pipeline)
    findings.document = document
    findings.duplicate_keys()
    findings.unknown_keys((), document.mapping(), {"triggers"})
    entries = document.mapping().get("triggers")
    if entries is not None and not isinstance(entries, list):
        findings.at(("triggers",), "wrong-type", "`triggers` is not a list", "write `- name: …` under it")
        return ReadTriggers(problems=tuple(sorted(findings.problems)), readable=False)
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
    named = {str(values.get("name") or "") for values in entries or () if isinstance(values, dict)}
    return ReadTriggers(tuple(found.values()), tuple(sorted(findings.problems)), frozenset(named - found.keys() - {""}))


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
    if kind is None or not _holds(findings, path, values, kind, settings):
        return None
    variables = findings.mapping((*path, "variables"), values.get("variables"))
    _what_has_no_effect(findings, path, values, kind, settings)
    digest = _token_digest(findings, path, values.get("token"))
    active = status == "active"
    return Trigger("", pipeline, name, kind, active, settings, variables, in_code=True, token_digest=digest)


def _token_digest(findings: Findings, path: Place, token: Any) -> str | None:
    """Return the digest of a token that the file holds in clear, as the format's own editor writes it."""
    if token is None or token == "":
        return None
    if not isinstance(token, str) or len(token) < SHORTEST_TOKEN:
        text = f"a token of fewer than {SHORTEST_TOKEN} characters can be guessed, and is not taken"
        findings.at((*path, "token"), "weak-token", text, "remove it, and make one on the trigger's page")
        return None
    return token_digest(token)


def _what_has_no_effect(
    findings: Findings, path: Place, values: Mapping[str, Any], kind: str, settings: Mapping[str, Any]
) -> None:
    """Warn of what is written and will do nothing."""
    if settings.get("allow_blocks_to_fail") is False:
        text = "`allow_blocks_to_fail: false` has no effect: blocks that do not need the failed one always run"
        place = (*path, "settings", "allow_blocks_to_fail")
        findings.at_key(place, "without-effect", text, "remove it", Severity.WARNING)
    if kind != "event" and settings.get("event") is not None:
        text = "`event` has no effect on a trigger of another schedule_type"
        findings.at_key(
            (*path, "settings", "event"), "without-effect", text, "write `schedule_type: event`", Severity.WARNING
        )
    if kind == "event" and settings.get("event") is None and values.get("status") == "active":
        text = "the trigger waits for no event, so nothing starts its runs"
        findings.at(path, "no-event", text, "name the event under `settings.event.name`", Severity.WARNING)


def _settings(findings: Findings, path: Place, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return one flat mapping, JSON all through: the trigger's own keys and its `settings`."""
    place = (*path, "settings")
    section = findings.mapping(place, values.get("settings"))
    findings.unknown_keys(
        place, section, keys.TRIGGER_SETTINGS, set(keys.TRIGGER_SETTINGS_UNSUPPORTED), Severity.WARNING
    )
    findings.unsupported_keys(place, section, keys.TRIGGER_SETTINGS_UNSUPPORTED)
    own = {key: _plain(values[key]) for key in OWN_KEYS if values.get(key) is not None}
    return {key: value for key, value in {**section, **own}.items() if value is not None}


def _holds(findings: Findings, path: Place, values: Mapping[str, Any], kind: str, settings: Mapping[str, Any]) -> bool:
    """Whether the engine can follow the settings; what it cannot is a problem."""
    try:
        check_settings(kind, settings)
    except InvalidInput as error:
        field = error.field or ""
        place = (*path, field) if field in values or "settings" not in values else (*path, "settings", field)
        code = "bad-cron" if field == "schedule_interval" else "wrong-value"
        findings.at(
            place, code, str(error), "write five cron fields, or a preset such as @daily" if code == "bad-cron" else ""
        )
        return False
    return True


def check_settings(kind: str, settings: Mapping[str, Any]) -> None:
    """Raise InvalidInput, naming the field, for settings that the engine cannot follow."""
    if kind == "schedule":
        parse_schedule(settings)
    if kind == "event":
        parse_event(settings)
    parse_rules(settings)


def _plain(value: Any) -> Any:
    """YAML makes dates of what looks like one; the store keeps JSON."""
    return value.isoformat() if isinstance(value, date | datetime) else value
