"""What one setting is. The list of them is in `penstock_platform.contract`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a value is written."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "on or off"
    CHOICE = "choice"
    NAMES = "comma-separated names"


@dataclass(frozen=True, slots=True)
class Setting:
    """One name: how it is written, what it is when absent, and what it does.

    `secret` values are never shown. `planned` ones are written by stacks already, and no release acts on them yet.
    """

    name: str
    kind: Kind
    meaning: str
    default: str | None = None
    choices: tuple[str, ...] = ()
    secret: bool = False
    minimum: float | None = None
    maximum: float | None = None
    planned: bool = False
