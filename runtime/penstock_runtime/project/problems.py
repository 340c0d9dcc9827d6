"""What is wrong with a project: one record a problem, with the place and what to do about it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error keeps its pipeline from starting; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One problem. `file` is relative to the project, `line` and `column` count from 1 (0: the file as a whole).

    `code` is a stable word for programs; `message` says what is wrong, `remedy` what to do. `pipeline` is the slug of
    the pipeline that it stops, empty for a problem of the project itself.
    """

    file: str
    line: int
    column: int
    code: str
    message: str
    remedy: str = ""
    severity: Severity = Severity.ERROR
    pipeline: str = ""

    def __str__(self) -> str:
        """Return the problem as one printable line."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        remedy = f" - {self.remedy}" if self.remedy else ""
        return f"{place}: {self.message}{remedy}"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was most likely meant to be, or None when none is close."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.75)
    return found[0] if found else None
