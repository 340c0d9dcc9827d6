"""What is wrong with a stack's config: every problem at once, each with its key and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend. `key` is the config key without its namespace, such as `web.max`."""

    key: str
    message: str

    def __str__(self) -> str:
        return f"penstock:{self.key}: {self.message}"


class BlueprintInvalid(ValueError):
    """A stack's config makes no blueprint. `problems` holds every reason; the text lists them, a line each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = "1 problem" if count == 1 else f"{count} problems"
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        super().__init__(f"the stack's config has {heading}; nothing was made:\n{lines}")
