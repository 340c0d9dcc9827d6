"""User environments: the Python that a project's blocks run in, apart from ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from penstock_runtime.domain.errors import PenstockError


class EnvironmentBuildFailed(PenstockError):
    """The requirements could not be resolved, fetched or installed. The text ends with the tool's own last lines."""


@dataclass(frozen=True, slots=True)
class EnvironmentRef:
    """A ready environment. `key` names its content; `python` is its interpreter's path.

    `sdk_path` is a folder that holds the `penstock` package and nothing else; it goes on the import path as it is.
    """

    key: str
    python: str
    sdk_path: str


class Environments(Protocol):
    """Resolves, builds and keeps user environments."""

    def ensure(
        self,
        requirements_text: str,
        extra: Sequence[str] = (),
        progress: Callable[[str], None] | None = None,
    ) -> EnvironmentRef:
        """Return the environment for these requirement lines, building it when it is not there yet.

        Idempotent; two processes that ask at once build once. One that is there needs no network. `extra` are
        requirements of the project's SQL and io, resolved together with the user's. `progress` gets lines for people.
        Raises EnvironmentBuildFailed.
        """
        ...
