"""Changing one entry of a triggers.yaml, as text: every line that belongs to the others stays as it was.

The entry's own lines are found by the parser's marks. Within them a round-trip parser changes the values that differ
and keeps comments, order and quotes. What comes out is read again before anybody writes it: when another entry would
read differently, or this one not as was meant, nothing is given back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from penstock_runtime.domain.errors import PipelineInvalid
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.project.documents import Document, DocumentBroken, parse
from penstock_runtime.project.trigger_entry import changed_entry, written_entry

_KEY = "triggers"
_DASH = "  - "
# What the parser counts as the end of a line.
_LINE = re.compile("[^\n\r\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029])|[^\n\r\x85\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an entry stands: its lines (`last` inclusive, from 0) and the column of its keys."""

    first: int
    last: int
    column: int


def with_trigger(text: str | None, file: str, trigger: Trigger, name: str | None, *, drop_token: bool = False) -> str:
    """Return the file's text with this trigger in it: over the entry called `name`, or, without one, after the last.

    `text` None is a file that does not exist. With `drop_token` a token that the entry holds in clear is taken out.
    PipelineInvalid, naming file and line, for a file that cannot be changed safely.
    """
    document = _document(text or "", file)
    if name is None:
        return _checked(document, _appended(text or "", document, written_entry(trigger)), len(_entries(document)))
    index = _index(document, name)
    place = _place(document, text or "", index)
    lines = _LINE.findall(text or "")
    entry = _cut(lines, place)
    changed = changed_entry(entry, _entries(document)[index], trigger, drop_token=drop_token)
    if changed is None:
        raise _invalid(file, place.first + 1, "this entry cannot be changed here; change it in the file")
    return _checked(document, "".join(_replaced(lines, place, changed)), index)


def without_trigger(text: str, file: str, name: str) -> str:
    """Return the file's text without the entry of that name and the comment that stands right above it."""
    document = _document(text, file)
    index = _index(document, name)
    place = _place(document, text, index)
    lines = _LINE.findall(text)
    first, last = _comment_above(lines, place.first), place.last
    blank_above = first > 0 and not lines[first - 1].strip()
    if blank_above and (last + 1 >= len(lines) or not lines[last + 1].strip()):
        first -= 1
    return _checked(document, "".join([*lines[:first], *lines[last + 1 :]]), index, gone=True)


def trigger_names(text: str, file: str) -> list[str]:
    """Return the names of every entry, those with problems too. PipelineInvalid for a file that cannot be read."""
    return [_name(entry) for entry in _entries(_document(text, file)) if isinstance(entry, dict)]


def _document(text: str, file: str) -> Document:
    try:
        document = parse(text, file)
    except DocumentBroken as error:
        raise _invalid(file, error.line, f"the triggers cannot be read: {error}") from error
    if document.value is not None and not isinstance(document.value, dict):
        raise _invalid(file, 1, "the file is not a mapping with `triggers:`")
    if document.duplicate_keys():
        key, (line, _) = document.duplicate_keys()[0]
        raise _invalid(file, line, f"the key {key!r} stands twice")
    entries = document.mapping().get(_KEY)
    if entries is not None and not isinstance(entries, list):
        raise _invalid(file, document.place(_KEY)[0], "`triggers` is not a list")
    return document


def _entries(document: Document) -> list[Any]:
    return list(document.mapping().get(_KEY) or ())


def _index(document: Document, name: str) -> int:
    found = [at for at, entry in enumerate(_entries(document)) if isinstance(entry, dict) and _name(entry) == name]
    if len(found) != 1:
        line = document.place(_KEY, found[1])[0] if found else 1
        reason = f"the trigger {name!r} stands twice" if found else f"there is no trigger {name!r}"
        raise _invalid(document.file, line, reason)
    return found[0]


def _name(entry: dict[Any, Any]) -> str:
    return str(entry.get("name") or "")


def _place(document: Document, text: str, index: int) -> _Place:
    sequence = _value_node(document)
    if not isinstance(sequence, yaml.SequenceNode) or sequence.flow_style:
        line = document.place(_KEY)[0]
        raise _invalid(document.file, line, "the list is written in brackets; write each trigger under its own `- `")
    node = sequence.value[index]
    if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
        raise _invalid(document.file, node.start_mark.line + 1, "the entry is in brackets; write one key a line")
    lines = _LINE.findall(text)
    # The node begins at an anchor or at the first key, which may stand on a line below its dash.
    line = node.value[0][0].start_mark.line
    first = min(node.start_mark.line, line)
    while first > 0 and not lines[first].lstrip().startswith("-"):
        first -= 1
    return _Place(first, _last_line(node), node.value[0][0].start_mark.column)


def _last_line(node: yaml.Node) -> int:
    """Return the last line with content of a node; the end marks of blocks lie behind the comments that follow."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style:
        return max(_last_line(part) for pair in node.value for part in pair)
    if isinstance(node, yaml.SequenceNode) and not node.flow_style:
        return max((_last_line(part) for part in node.value), default=node.start_mark.line)
    end = node.end_mark
    return int(end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line)


def _comment_above(lines: Sequence[str], first: int) -> int:
    """Return the line at which the comment right above a dash begins; without one, the line itself.

    What stands further to the right than the dash may be a text of the entry before.
    """
    dash = _indent(lines[first])
    while first > 0 and lines[first - 1].lstrip().startswith("#") and _indent(lines[first - 1]) <= dash:
        first -= 1
    return first


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _value_node(document: Document) -> yaml.Node | None:
    root = document.root
    pairs = root.value if isinstance(root, yaml.MappingNode) else ()
    return next((value for key, value in pairs if getattr(key, "value", None) == _KEY), None)


def _cut(lines: Sequence[str], place: _Place) -> str:
    """Return the entry's mapping as a text of its own, its keys in the first column."""
    cut = []
    for number in range(place.first, place.last + 1):
        line = lines[number]
        if number == place.first:
            head, rest = line[: place.column], line[place.column :]
            cut.append(rest if head.strip() == "-" else "\n")
        else:
            cut.append(line[min(_indent(line), place.column) :])
    return "".join(cut)


def _replaced(lines: Sequence[str], place: _Place, entry: str) -> list[str]:
    first = lines[place.first]
    on_dash = first[: place.column].strip() == "-"
    changed = entry.strip("\n").split("\n")
    pad = " " * place.column
    if on_dash:
        body = [first[: place.column] + changed[0], *(pad + line if line else "" for line in changed[1:])]
    else:
        body = [first.rstrip("\n"), *(pad + line if line else "" for line in changed)]
    return [*lines[: place.first], *(line + "\n" for line in body), *lines[place.last + 1 :]]


def _appended(text: str, document: Document, entry: str) -> str:
    lines = _LINE.findall(text)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    node = _value_node(document)
    if isinstance(node, yaml.SequenceNode) and node.value:
        place = _place(document, text, len(node.value) - 1)
        head = lines[place.first]
        dash = " " * _indent(head) + "- "
        apart = len(node.value) > 1 and not lines[_comment_above(lines, place.first) - 1].strip()
        return "".join(
            [*lines[: place.last + 1], *(["\n"] if apart else []), _listed(entry, dash), *lines[place.last + 1 :]]
        )
    root = document.root
    if node is None:
        if isinstance(root, yaml.MappingNode) and root.flow_style:
            raise _invalid(document.file, 1, "the file is written in brackets; write `triggers:` on a line of its own")
        return "".join([*lines, f"{_KEY}:\n", _listed(entry, _DASH)])
    # `triggers:` with nothing, null or [] behind it: that goes, and the list begins below.
    start, end = node.start_mark, node.end_mark
    line = lines[start.line]
    lines[start.line] = (line[: start.column] + line[end.column :]).rstrip() + "\n"
    return "".join([*lines[: start.line + 1], _listed(entry, _DASH), *lines[start.line + 1 :]])


def _listed(entry: str, dash: str) -> str:
    pad = " " * len(dash)
    lines = entry.strip("\n").split("\n")
    return "".join(f"{dash if at == 0 else pad}{line}".rstrip() + "\n" for at, line in enumerate(lines))


def _checked(before: Document, text: str, index: int, *, gone: bool = False) -> str:
    """Return the text when, read again, every other entry and key is what it was."""
    try:
        after = parse(text, before.file)
    except DocumentBroken as error:
        raise _invalid(before.file, error.line, "the change would break the file; change it in the file") from error
    kept, found = _entries(before), _entries(after)
    others = kept[:index] + kept[index + 1 :]
    same_keys = {k: v for k, v in before.mapping().items() if k != _KEY} == {
        k: v for k, v in after.mapping().items() if k != _KEY
    }
    if not same_keys or (found if gone else found[:index] + found[index + 1 :]) != others:
        line = before.place(_KEY, index)[0]
        raise _invalid(before.file, line, "the change would touch other triggers; change it in the file")
    return text


def _invalid(file: str, line: int, reason: str) -> PipelineInvalid:
    problem = f"{file}:{line}: {reason}"
    return PipelineInvalid(problem, (problem,))
