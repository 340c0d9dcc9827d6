"""One trigger as the text of a YAML mapping, written anew or changed in place."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.project.documents import LOADER

SCHEDULE_TYPES = {"schedule": "time", "api": "api", "event": "event"}
"""Our kind of trigger, and the project format's `schedule_type`."""
OWN_KEYS = ("description", "schedule_interval", "start_time", "end_time", "timezone", "sla")
"""Settings that may stand beside `settings` instead of in it."""
_FIRST = ("description", "schedule_interval", "start_time", "end_time", "sla")
_NULL = re.compile(r": +null[ \t]*(?:#[^\n]*)?$", re.MULTILINE)
_INDENTED_LIST = re.compile(r"^( *)[^\s#-][^\n]*:[ \t]*(?:#[^\n]*)?\n\1 +- ", re.MULTILINE)


def written_entry(trigger: Trigger) -> str:
    """Return a new entry's text, its keys in the first column."""
    entry: dict[str, Any] = {"name": trigger.name, "pipeline_uuid": trigger.pipeline}
    entry["schedule_type"] = SCHEDULE_TYPES[trigger.kind]
    entry |= {key: trigger.settings[key] for key in _FIRST if trigger.settings.get(key) is not None}
    entry["status"] = _status(trigger)
    settings = {key: value for key, value in trigger.settings.items() if key not in _FIRST and value is not None}
    entry |= {"settings": settings} if settings else {}
    entry["variables"] = dict(trigger.variables)
    return _dump(_round_trip(""), CommentedMap((key, _value(value)) for key, value in entry.items()))


def changed_entry(text: str, values: Mapping[str, Any], trigger: Trigger, *, drop_token: bool) -> str | None:
    """Return an entry's text with what differs changed, or None when it is YAML that cannot be changed in place.

    `values` is the entry as it reads now.
    """
    parser = _round_trip(text)
    try:
        entry = parser.load(text)
    except YAMLError:
        return None  # an alias to elsewhere in the file, say
    if not isinstance(entry, CommentedMap) or entry.merge:
        return None
    if str(values.get("name")) != trigger.name:
        entry["name"] = _value(trigger.name)
    if (values.get("status") or "inactive") != _status(trigger):
        entry["status"] = _status(trigger)
    if drop_token and "token" in entry:
        del entry["token"]
    if not _change_settings(entry, values, trigger.settings):
        return None
    _change_variables(entry, values.get("variables"), trigger.variables)
    return _dump(parser, entry)


def _status(trigger: Trigger) -> str:
    return "active" if trigger.active else "inactive"


def _change_settings(entry: CommentedMap, values: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    section = values.get("settings")
    if section is not None and not isinstance(section, dict):
        return False
    section = section or {}
    own = {key: values[key] for key in OWN_KEYS if values.get(key) is not None}
    for key in [*dict.fromkeys([*section, *own, *wanted])]:
        value = wanted.get(key)
        here = own if key in own else section
        if _plain(here.get(key)) == value:
            continue
        in_entry = key in own or (key not in section and (key in entry or key in _FIRST))
        if value is None:
            entry.pop(key, None)
            if section:
                entry["settings"].pop(key, None)
        elif in_entry:
            entry[key] = _value(value)
        else:
            if not isinstance(entry.get("settings"), CommentedMap):
                entry["settings"] = CommentedMap()
            entry["settings"][key] = _value(value)
    return True


def _change_variables(entry: CommentedMap, before: Any, wanted: Mapping[str, Any]) -> None:
    before = before if isinstance(before, dict) else {}
    if _plain(before) == wanted:
        return
    if not isinstance(entry.get("variables"), CommentedMap) or not wanted:
        entry["variables"] = _value(dict(wanted))
        return
    section = entry["variables"]
    if not before:
        section.fa.set_block_style()
    for key in [key for key in section if str(key) not in wanted]:
        del section[key]
    for key, value in wanted.items():
        if key not in section or _plain(before.get(key)) != value:
            section[key] = _value(value)


def _plain(value: Any) -> Any:
    """Return a value as it is kept: YAML makes dates of what looks like one, and runs keep JSON."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, date) else value


def _value(value: Any) -> Any:
    """Return JSON as it is to be written, so that every reader of YAML has the same value of it."""
    if isinstance(value, Mapping):
        return CommentedMap((_value(key), _value(inner)) for key, inner in value.items())
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Sequence):
        return [_value(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _text(text: str) -> Any:
    # Old YAML reads `yes`, `0o7` or `12:30` as no text: quoted, it is text to everyone.
    if not text.isprintable():
        return DoubleQuotedScalarString(text)
    try:
        plain = yaml.load(text, LOADER)  # noqa: S506 - the safe loader, in C
    except (yaml.YAMLError, ValueError):
        plain = None
    return text if plain == text else SingleQuotedScalarString(text)


class _NullSpelt(RoundTripRepresenter):
    """Writes nothing as `null`, where the entry already does."""


_NullSpelt.add_representer(type(None), lambda self, _: self.represent_scalar("tag:yaml.org,2002:null", "null"))


def _round_trip(text: str) -> YAML:
    parser = YAML(typ="rt")
    parser.Representer = _NullSpelt if _NULL.search(text) else RoundTripRepresenter
    parser.preserve_quotes = True
    parser.width = 1_000_000
    parser.allow_unicode = True
    if _INDENTED_LIST.search(text):
        parser.indent(mapping=2, sequence=4, offset=2)
    return parser


def _dump(parser: YAML, entry: CommentedMap) -> str:
    stream = io.StringIO()
    parser.dump(entry, stream)
    return stream.getvalue()
