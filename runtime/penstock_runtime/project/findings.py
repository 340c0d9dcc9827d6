"""Collecting the problems of one file while it is read."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any

from penstock_runtime.project.documents import Document, Mark
from penstock_runtime.project.keys import CONCURRENCY, RETRY
from penstock_runtime.project.problems import Problem, Severity, nearest

Path = tuple[str | int, ...]
# Keys that are written a level too high often enough to say where they belong.
MISPLACED = {**dict.fromkeys(RETRY, "retry_config"), **dict.fromkeys(CONCURRENCY, "concurrency_config")}


# Known keys of the project format that nothing acts on: accepted, so that a project opens, and said.
WITHOUT_EFFECT = {
    "cache_block_output_in_memory": "outputs are kept as artifacts",
    "envs": "a trigger is active wherever its project runs; set its status instead",
    "event_matchers": "write the event's name and what it must hold under `settings.event`",
    "queue_config": "set PENSTOCK_SLOTS for the blocks that run at once",
}


class Findings:
    """The problems found so far in `file`. While `document` is set, a path into it gives a problem its place."""

    def __init__(self, file: str, pipeline: str = "") -> None:
        """Start with none. `pipeline` is the slug that the problems stop."""
        self.file = file
        self.pipeline = pipeline
        self.document: Document | None = None
        self.problems: list[Problem] = []

    def add(
        self,
        code: str,
        message: str,
        remedy: str = "",
        place: Mark = (0, 0),
        *,
        file: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Note a problem, once."""
        line, column = place
        problem = Problem(file or self.file, line, column, code, message, remedy, severity, self.pipeline)
        if problem not in self.problems:
            self.problems.append(problem)

    def at(self, path: Path, code: str, message: str, remedy: str = "", severity: Severity = Severity.ERROR) -> None:
        """Note a problem of the value at a path of the document."""
        place = self.document.place(*path) if self.document else (0, 0)
        self.add(code, message, remedy, place, severity=severity)

    def at_key(
        self, path: Path, code: str, message: str, remedy: str = "", severity: Severity = Severity.ERROR
    ) -> None:
        """Note a problem of the key at the end of a path."""
        place = self.document.key_place(*path) if self.document else (0, 0)
        self.add(code, message, remedy, place, severity=severity)

    def duplicate_keys(self) -> None:
        """Note every key that stands twice in one mapping: YAML keeps the last and says nothing."""
        for key, place in self.document.duplicate_keys() if self.document else ():
            self.add("duplicate-key", f"the key {key!r} stands twice", "keep one of them", place)

    def unknown_keys(
        self,
        path: Path,
        section: Mapping[Any, Any],
        read: Collection[str],
        bookkeeping: Collection[str] = frozenset(),
        severity: Severity | None = None,
    ) -> None:
        """Note the keys that nothing reads: an error when close to a known name, surely a mistake; else a warning."""
        for key in section:
            if key in WITHOUT_EFFECT and section[key]:
                text = f"{key!r} has no effect here"
                self.at_key((*path, key), "without-effect", text, WITHOUT_EFFECT[key], Severity.WARNING)
            if key in read or key in bookkeeping:
                continue
            home = MISPLACED.get(str(key))
            close = home or nearest(str(key), {*read, *bookkeeping})
            remedy = (
                f"move it under {home!r}"
                if home
                else f"did you mean {close!r}?"
                if close
                else "remove it: nothing reads it"
            )
            level = severity or (Severity.ERROR if close else Severity.WARNING)
            self.at_key((*path, key), "unknown-key", f"unknown key {str(key)!r}", remedy, level)

    def unsupported_keys(self, path: Path, section: Mapping[Any, Any], table: Mapping[str, str]) -> None:
        """Note the keys that mean something elsewhere and cannot be honoured here; an empty value means nothing."""
        for key, message in table.items():
            if section.get(key) not in (None, False, "", [], {}):
                self.at_key((*path, key), "unsupported", message, "remove it, or keep this pipeline where it is")

    def text_list(self, path: Path, value: Any) -> list[str]:
        """Return a list of names; anything else is a problem, and gives what of it can be used."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.at(path, "wrong-type", f"`{path[-1]}` is not a list", "write a list of block names")
            return []
        return [str(item) for item in value if item is not None]

    def mapping(self, path: Path, value: Any) -> dict[str, Any]:
        """Return a mapping of JSON values; anything else but None is a problem, and gives an empty one.

        YAML reads `2024-01-01` as a date and `.nan` as a number; runs keep JSON, which has neither: a date becomes its
        text, and what is no finite number is a problem.
        """
        if value is None or isinstance(value, dict):
            return {str(key): self._plain((*path, key), item) for key, item in (value or {}).items()}
        self.at(path, "wrong-type", f"`{path[-1]}` is not a mapping", "write `key: value` lines under it")
        return {}

    def _plain(self, path: Path, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): self._plain((*path, key), item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._plain((*path, index), item) for index, item in enumerate(value)]
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, float) and not math.isfinite(value):
            self.at(path, "wrong-value", f"`{path[-1]}` is {value}, which is no JSON number", "write a number or null")
            return None
        return value if value is None or isinstance(value, bool | int | float | str) else str(value)

    def number(self, path: Path, value: Any, minimum: float = 0) -> float | None:
        """Return a number of at least `minimum`; anything else but None is a problem, and gives None."""
        if value is None:
            return None
        try:
            number = float(value) if not isinstance(value, bool) else minimum - 1
        except (TypeError, ValueError):
            number = minimum - 1
        if not minimum <= number < float("inf"):
            self.at(path, "wrong-value", f"`{path[-1]}` is {value!r}", f"write a number of at least {minimum:g}")
            return None
        return number
