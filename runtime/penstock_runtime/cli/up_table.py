"""`penstock up` on a terminal: a table of the processes that stays, and the latest lines below it."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from penstock_platform.vocabulary import Topology
from penstock_runtime.cli.output import duration_text
from penstock_runtime.supervisor.snapshots import Event, ProcessSnapshot, State

LOOKS = {
    State.STARTING: ("○", "cyan"),
    State.RUNNING: ("●", "green"),
    State.STANDBY: ("◌", "cyan"),
    State.UNWELL: ("!", "bold yellow"),
    State.WAITING: ("↻", "bold red"),
    State.DRAINING: ("▽", "yellow"),
    State.STOPPED: ("·", "dim"),
}
"""A sign and a style for each state; the word stands beside them, so neither is needed to read it."""
COLOURS = ("cyan", "green", "magenta", "blue", "yellow")
LINES_KEPT = 200
AROUND_LINES = 9
"""Lines of the terminal that the table's frame, the gaps and a margin take."""
FEWEST_LINES = 4
MIB = 1024 * 1024


class LiveWatcher:
    """Draws the table anew with each picture; lines and events wait for it."""

    pictures = True

    def __init__(self, topology: Topology, console: Console | None = None) -> None:
        """Begin to draw at the first thing that is told."""
        self._console = console or Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        self._title = f"penstock up, {topology}"
        self._lines: deque[tuple[str, str]] = deque(maxlen=LINES_KEPT)
        self._address: list[str] = []
        self._processes: Sequence[ProcessSnapshot] = ()
        self._open = False

    def event(self, event: Event) -> None:
        """Show what happened among the lines."""
        self._lines.append((event.process or "penstock", f"— {event.text}"))
        self._draw()

    def line(self, process: str, text: str) -> None:
        """Show a process's line."""
        self._lines.append((process, text))

    def address(self, lines: Sequence[str]) -> None:
        """Show where the page is, above the table and for good."""
        self._address = list(lines)
        self._draw()

    def picture(self, processes: Sequence[ProcessSnapshot]) -> None:
        """Show how all stand."""
        self._processes = processes
        self._draw()

    def close(self) -> None:
        """Leave the last picture on the terminal."""
        with suppress(OSError):
            self._live.stop()

    def _draw(self) -> None:
        # A terminal that is gone is no reason to stop what runs.
        with suppress(OSError):
            if not self._open:
                self._open = True
                self._live.start()
            self._live.update(self.shown(datetime.now(UTC)), refresh=True)

    def shown(self, now: datetime) -> RenderableType:
        """Return all that is drawn."""
        parts: list[RenderableType] = [self._table(now)]
        parts += [Text(line, style="bold", overflow="fold") for line in self._address]
        room = max(FEWEST_LINES, self._console.height - len(self._processes) - len(self._address) - AROUND_LINES)
        parts.append(Text())
        parts += [self._line(*line) for line in list(self._lines)[-room:]]
        return Group(*parts)

    def _table(self, now: datetime) -> Table:
        table = Table(title=self._title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
        for name in ("process", "role", "state", "since"):
            table.add_column(name, no_wrap=True)
        for name in ("pid", "restarts", "blocks", "memory"):
            table.add_column(name, justify="right", no_wrap=True)
        for one in self._processes:
            sign, style = LOOKS[one.state]
            table.add_row(
                Text(one.name, style=self._colour(one.name)),
                one.role,
                Text(f"{sign} {one.state}", style=style),
                duration_text(now - one.since),
                "" if one.pid is None else str(one.pid),
                Text(str(one.restarts), style="bold yellow" if one.restarts else "dim"),
                "" if one.slots is None else f"{one.active or 0} of {one.slots}",
                "" if one.memory_bytes is None else f"{one.memory_bytes / MIB:.0f} MiB",
            )
        return table

    def _line(self, process: str, text: str) -> Text:
        name = Text(f"{process:12} ", style=self._colour(process))
        # A process's own colours would end in the middle where a line is cut.
        said = Text.from_ansi(text).plain
        return Text.assemble(name, (said, "dim"), no_wrap=True, overflow="ellipsis")

    def _colour(self, process: str) -> str:
        names = [one.name for one in self._processes]
        return COLOURS[names.index(process) % len(COLOURS)] if process in names else "bold"
