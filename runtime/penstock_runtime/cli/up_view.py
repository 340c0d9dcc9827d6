"""`penstock up` where nobody draws: a line an event, and each process's own lines behind its name."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from penstock_runtime.cli.output import plain
from penstock_runtime.supervisor.snapshots import Event, ProcessSnapshot

NAME_WIDTH = 12
OURS = "penstock"


class PlainWatcher:
    """Lines for people: `web-1        | …`."""

    pictures = False

    def event(self, event: Event) -> None:
        """Print what happened."""
        subject = f"{event.process} " if event.process else ""
        for line in f"{subject}{event.text}".splitlines():
            say(f"{OURS:{NAME_WIDTH}} | {line}")

    def line(self, process: str, text: str) -> None:
        """Print a process's line behind its name."""
        say(f"{process:{NAME_WIDTH}} | {text}")

    def address(self, lines: Sequence[str]) -> None:
        """Print where the page is."""
        for line in lines:
            say(line)

    def picture(self, processes: Sequence[ProcessSnapshot]) -> None:
        """Nothing is drawn."""


class JsonWatcher:
    """One JSON object a line, always with the same keys: `at`, `event`, `process`, `pid`, `text`."""

    pictures = False

    def event(self, event: Event) -> None:
        """Print what happened."""
        self._print(event.at, event.kind, event.text, event.process, event.pid)

    def line(self, process: str, text: str) -> None:
        """Print a process's line."""
        self._print(datetime.now(UTC), "log", text, process)

    def address(self, lines: Sequence[str]) -> None:
        """Print where the page is."""
        self._print(datetime.now(UTC), "address", "\n".join(lines))

    def picture(self, processes: Sequence[ProcessSnapshot]) -> None:
        """Nothing is drawn."""

    @staticmethod
    def _print(at: datetime, kind: str, text: str, process: str = "", pid: int | None = None) -> None:
        event = {"at": plain(at), "event": kind, "process": process or None, "pid": pid, "text": text}
        say(json.dumps(event, ensure_ascii=False))


def say(line: str) -> None:
    """Print a line; once nobody reads, go on without: what is supervised must not end with its reader."""
    try:
        print(line, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
