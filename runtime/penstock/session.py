"""What block code may ask about the attempt it runs in: the project's folder, its secrets, its connections."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from penstock.channel import Asker


class Session:
    """The one attempt of this process: the live project folder, and the way to the executor."""

    __slots__ = ("asker", "project_dir")

    def __init__(self) -> None:
        self.project_dir: str | None = None
        self.asker: Asker | None = None


current = Session()


def ask(what: str, args: dict[str, Any]) -> Any:
    """Put a question to the executor. Raises RuntimeError outside a run, AskError when it refuses."""
    if current.asker is None:
        raise RuntimeError(f"{what!r} can only be asked for inside a block run")
    return current.asker.ask(what, args)


def get_repo_path(*_args: Any, **_kwargs: Any) -> str:
    """The project's folder, absolute. Outside a run: the working folder."""
    return current.project_dir or os.getcwd()


def get_secret_value(name: str, *_args: Any, **_kwargs: Any) -> str | None:
    """A secret's value, or None when there is no such secret (as Mage does). Raises RuntimeError outside a run."""
    value = ask("secret", {"name": name})
    return None if value is None else str(value)
