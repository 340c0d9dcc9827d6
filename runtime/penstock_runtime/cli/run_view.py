"""A run, drawn as it goes: a live tree on a terminal, one line a change anywhere else."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from penstock_runtime.bootstrap.snapshots import BlockSnapshot, RunSnapshot
from penstock_runtime.cli.output import duration_text
from penstock_runtime.domain.runs import BLOCK_RUN_ENDED, BlockRunStatus, RunStatus

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

LOOKS = {
    BlockRunStatus.PENDING: ("·", "dim"),
    BlockRunStatus.READY: ("○", "cyan"),
    BlockRunStatus.RUNNING: ("●", "bold cyan"),
    BlockRunStatus.RETRY_WAIT: ("↻", "yellow"),
    BlockRunStatus.DEFERRED: ("…", "yellow"),
    BlockRunStatus.SUCCEEDED: ("✓", "green"),
    BlockRunStatus.FAILED: ("✗", "bold red"),
    BlockRunStatus.UPSTREAM_FAILED: ("⊘", "red"),
    BlockRunStatus.SKIPPED: ("-", "dim"),
    BlockRunStatus.CANCELLED: ("■", "magenta"),
}
"""A sign and a style for each status; the word stands beside them, so neither is needed to read it."""

REFRESHES_PER_SECOND = 10


def on_a_terminal() -> bool:
    """Whether standard output is a terminal."""
    return sys.stdout.isatty()


def follow_silently(snapshots: Iterable[RunSnapshot]) -> RunSnapshot | None:
    """Wait for the end and return the last snapshot; None when there was none."""
    last = deque(snapshots, maxlen=1)
    return last[0] if last else None


def follow_plainly(snapshots: Iterable[RunSnapshot]) -> RunSnapshot | None:
    """Print a line for each change of a block's status, and one for the end; return the last snapshot."""
    seen: dict[str, BlockRunStatus] = {}
    last = None
    for last in snapshots:
        for block in last.blocks:
            if block.status is not seen.get(block.slug, BlockRunStatus.PENDING):
                print(change_line(block, last.at), flush=True)
            seen[block.slug] = block.status
    if last is not None:
        print(ending_line(last), flush=True)
    return last


def follow_live(snapshots: Iterable[RunSnapshot]) -> RunSnapshot | None:
    """Draw the tree anew with each snapshot; return the last."""
    from rich.console import Console
    from rich.live import Live

    console = Console()
    last = None
    with Live(console=console, refresh_per_second=REFRESHES_PER_SECOND) as live:
        for last in snapshots:
            live.update(tree_of(last))
    if last is not None:
        for block in last.blocks:
            if block.status is BlockRunStatus.FAILED and block.error:
                console.print(f"[bold red]{block.slug}[/]")
                console.print(block.error, markup=False, highlight=False)
        console.print(ending_line(last), markup=False, highlight=False)
    return last


def change_line(block: BlockSnapshot, at: datetime) -> str:
    """Return what just happened to a block, with its time and, for a failure, its error."""
    words = [at.strftime("%H:%M:%S"), f"{block.slug}:", block.status.value.replace("_", " ")]
    words += list(details(block, at))
    error = f"\n{block.error}" if block.error and block.status is BlockRunStatus.FAILED else ""
    return " ".join(words) + error


def details(block: BlockSnapshot, at: datetime) -> Iterator[str]:
    """Yield how long a block took or has been going, its instances, its tries."""
    if block.started_at is not None and (block.status in BLOCK_RUN_ENDED or block.status is BlockRunStatus.RUNNING):
        yield duration_text((block.ended_at or at) - block.started_at)
    if block.instances:
        total = sum(block.instances.values())
        yield f"({block.instances.get(BlockRunStatus.SUCCEEDED, 0)} of {total} instances)"
    if block.attempts > 1 and not block.instances:
        yield f"(try {block.attempts})"


def ending_line(run: RunSnapshot) -> str:
    """Return the end of a run in one line."""
    took = f" in {duration_text((run.ended_at or run.at) - run.started_at)}" if run.started_at else ""
    count = sum(block.status is BlockRunStatus.SUCCEEDED for block in run.blocks)
    why = f": {run.error}" if run.error and run.status is not RunStatus.SUCCEEDED else ""
    return f"{run.pipeline} {run.status.value}{took}, {count} of {len(run.blocks)} blocks succeeded{why}"


def tree_of(run: RunSnapshot) -> Tree:
    """Return the run as a Rich tree: each block under the deepest of its upstream blocks, the others beside it."""
    from rich.text import Text
    from rich.tree import Tree

    took = duration_text((run.ended_at or run.at) - run.started_at) if run.started_at else ""
    tree = Tree(Text.assemble((run.pipeline, "bold"), f" {run.status.value} ", (took, "dim")))
    branches: dict[str, Tree] = {}
    depths: dict[str, int] = {}
    for block in run.blocks:
        parent = max(block.upstream, key=lambda slug: depths.get(slug, -1), default=None)
        depths[block.slug] = 0 if parent is None else depths.get(parent, -1) + 1
        branch = tree if parent is None else branches.get(parent, tree)
        branches[block.slug] = branch.add(block_text(block, parent, run.at))
    return tree


def block_text(block: BlockSnapshot, parent: str | None, at: datetime) -> Text:
    """Return one block's line of the tree."""
    from rich.text import Text

    sign, style = LOOKS[block.status]
    others = [slug for slug in block.upstream if slug != parent]
    return Text.assemble(
        (f"{sign} {block.slug}", style),
        (f"  {block.status.value.replace('_', ' ')}", style),
        ("".join(f"  {detail}" for detail in details(block, at)), "dim"),
        (f"  ← {', '.join(others)}" if others else "", "dim"),
    )
