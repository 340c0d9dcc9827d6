"""Reading a project's requirements.txt: which lines matter, which we drop, which we cannot take."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from penstock_runtime.ports.environments import EnvironmentBuildFailed

BASE = ("cloudpickle", "pandas", "pyarrow", "pyyaml")
"""What `penstock` itself uses beside the standard library; resolved together with the project's own."""
DROPPED = frozenset({"mage-ai"})
"""Answered by our import hook; the package itself would bring a second engine and pin half of the world."""
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_OTHER_FILES = re.compile(r"^(-r|-c|-e|--requirement|--constraint|--editable)\b")


@dataclass(frozen=True, slots=True)
class Requirements:
    """`lines` are sorted and without repeats; `dropped` are the lines left out, as written."""

    lines: tuple[str, ...]
    dropped: tuple[str, ...]

    def key(self, interpreter: str) -> str:
        """Return the name of the environment that these lines make for an interpreter (version and platform)."""
        text = json.dumps([interpreter, self.lines])
        return hashlib.sha256(text.encode()).hexdigest()[:32]


def read_requirements(text: str, extra: Sequence[str] = ()) -> Requirements:
    """Read requirement lines and add the base set and `extra`. Raises EnvironmentBuildFailed for `-r`, `-c` and `-e`.

    Those name other files, which are not part of what an environment is known by.
    """
    own: list[str] = []
    dropped: list[str] = []
    for line in _logical_lines(text):
        if _OTHER_FILES.match(line):
            raise EnvironmentBuildFailed(
                f"requirements: {line!r} names another file or folder; write the packages themselves"
            )
        (dropped if _name_of(line) in DROPPED else own).append(line)
    return Requirements(tuple(sorted({*own, *BASE, *extra})), tuple(dropped))


def _logical_lines(text: str) -> Iterable[str]:
    """Yield lines without comments and continuations."""
    for line in text.replace("\\\n", " ").splitlines():
        stripped = re.sub(r"(^|\s)#.*$", "", line).strip()
        if stripped:
            yield stripped


def _name_of(line: str) -> str:
    """Return a requirement's normalised name; empty for an option or an address."""
    match = _NAME.match(line)
    return re.sub(r"[-_.]+", "-", match.group(1)).lower() if match else ""
