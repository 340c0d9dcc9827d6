"""How answers are written: JSON for programs, plain lines for everyone else."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import typer

EXIT_GOOD = 0
EXIT_BAD_ANSWER = 1
"""It did what was asked and the answer is bad."""
EXIT_ASKED_WRONG = 2
"""It could not be asked like that."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Project = Annotated[Path | None, typer.Option("--project", help="The project folder (default: the settings').")]


def print_error(message: str) -> None:
    """Write one message for people to standard error."""
    print(f"penstock: {message}", file=sys.stderr)


def print_json(value: Any) -> None:
    """Write a value, records included, as JSON."""
    print(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """Return records, enums, times and paths as JSON values. Raises TypeError for what JSON has no word for."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds").replace("+00:00", "Z")
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    return value


def print_table(rows: Sequence[Sequence[str]]) -> None:
    """Write rows as aligned columns; the last column is not padded."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)] if rows else []
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[-1]]).rstrip())


def duration_text(duration: timedelta) -> str:
    """Return a duration as people say it: `0.34 s`, `12.3 s`, `4 min 05 s`, `2 h 03 min`."""
    seconds = max(duration.total_seconds(), 0.0)
    if seconds < 9.995:  # noqa: PLR2004 - below ten seconds, hundredths are worth reading
        return f"{seconds:.2f} s"
    if seconds < 59.95:  # noqa: PLR2004 - below a minute, tenths are
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"
