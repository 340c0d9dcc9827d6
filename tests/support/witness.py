"""The history that blocks wrote themselves, and the engine's promises checked over it.

The check reads two independent accounts: the lines that user code appended (`project_maker.WITNESS`), and the runs,
block runs and attempts that the API shows. It fails with every broken promise at once.
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from support.waiting import wait_until

RUN_ENDED = frozenset({"succeeded", "failed", "cancelled"})
BLOCK_ENDED = frozenset({"succeeded", "failed", "upstream_failed", "skipped", "cancelled"})
NEVER_STARTED = frozenset({"lost", "cancelled", "drained", "evicted"})
"""Endings of attempts whose code may never have begun."""
CUT_SHORT = NEVER_STARTED | {"timeout", "out_of_memory", "error"}
CLOCK_SLACK_SECONDS = 0.1


@dataclass(frozen=True)
class Word:
    """One line of the history."""

    event: str
    at: float
    run: str
    block: str
    map_index: int | None
    attempt: str
    pid: int

    @property
    def place(self) -> tuple[str, str, int | None]:
        return (self.run, self.block, self.map_index)


class Witness:
    """The folder where a project's blocks leave word, and the test tells them to go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def tell(self, name: str, text: str = "") -> None:
        """Let blocks that `wait_for` this name go on."""
        part = self.folder / f"{name}.part"
        part.write_text(text)
        part.rename(self.folder / name)

    def read(self, name: str, patience: float = 30.0) -> str:
        """Return what a block told under this name, once it has."""
        path = self.folder / name
        wait_until(path.exists, patience, f"no block told {name}")
        return path.read_text()

    def words(self) -> list[Word]:
        """Return every line."""
        path = self.folder / "history.jsonl"
        if not path.exists():
            return []
        lines = (json.loads(line) for line in path.read_text().splitlines())
        names = ("event", "at", "run", "block", "map_index", "attempt", "pid")
        return [Word(*(line[name] for name in names)) for line in lines]

    def of(self, run: str, event: str = "start", block: str | None = None) -> list[Word]:
        """Return the words of one run."""
        return [w for w in self.words() if w.run == run and w.event == event and block in {None, w.block}]

    def wait_for_start(self, run: str, block: str, times: int = 1, patience: float = 30.0) -> Word:
        """Wait until a block's code has begun so many times; return the last."""
        found = wait_until(
            lambda: self.of(run, "start", block)[times - 1 : times],
            patience,
            lambda: f"{block} began {len(self.of(run, 'start', block))} times, not {times}",
        )
        return found[0]


def seconds(text: str | None) -> float | None:
    """Return an instant of the API as seconds since 1970."""
    return None if text is None else datetime.fromisoformat(text).timestamp()


class Checker:
    """Collects what is wrong with the history of some runs."""

    def __init__(self, words: Iterable[Word], upstream: Mapping[str, Iterable[str]], *, beside: bool = False) -> None:
        self.words = sorted(words, key=lambda word: word.at)
        self.beside = beside
        self.upstream = upstream
        self.wrong: list[str] = []

    def check(self, run: Mapping[str, Any], blocks: Iterable[Mapping[str, Any]]) -> None:
        """Check one run against its words."""
        blocks = list(blocks)
        mine = [word for word in self.words if word.run == run["id"]]
        self.wrong += self._ended(run, blocks)
        self.wrong += self._starts(blocks, mine)
        for block in blocks:
            words = [w for w in mine if (w.block, w.map_index) == (block["block"], block["map_index"])]
            self.wrong += self._numbers(block)
            self.wrong += self._results(block, words)
            if block["kind"] != "callback":
                self.wrong += self._successors(block, words)
        self.wrong += self._order(run, mine)

    def _ended(self, run: Mapping[str, Any], blocks: list[Mapping[str, Any]]) -> Iterator[str]:
        """I3: the run has come to a true end: nothing of it is open, and its status follows from its blocks'."""
        if run["status"] not in RUN_ENDED:
            yield f"I3: run {run['id']} is {run['status']}"
            return
        for block in blocks:
            if block["status"] not in BLOCK_ENDED:
                yield f"I3: the run ended and {named(block)} is {block['status']}"
            for attempt in block["attempts"]:
                if attempt["ended_at"] is None:
                    yield f"I3: the run ended and attempt {attempt['number']} of {named(block)} has not"
        statuses = {one["status"] for one in blocks if one["kind"] in {"block", "pipeline"}}
        bad = bool(statuses & {"failed", "upstream_failed"})
        if run["status"] == "succeeded" and (bad or "cancelled" in statuses):
            yield f"I5: the run succeeded with blocks {sorted(statuses)}"
        if run["status"] == "failed" and not bad:
            yield f"I5: the run failed with blocks {sorted(statuses)}"

    def _starts(self, blocks: list[Mapping[str, Any]], words: list[Word]) -> Iterator[str]:
        """I4: each attempt's code began at most once, and each that began has a row."""
        rows = {attempt["id"]: block for block in blocks for attempt in block["attempts"]}
        counts = Counter((w.attempt, w.block, w.map_index) for w in words if w.event == "start")
        for (attempt, name, index), count in counts.items():
            if attempt not in rows:
                yield f"I4: {name} began in attempt {attempt}, which has no row"
            elif count > 1 and rows[attempt]["kind"] != "pipeline":
                yield f"I4: attempt {attempt} of {name}[{index}] began {count} times"

    def _numbers(self, block: Mapping[str, Any]) -> Iterator[str]:
        """I2: attempt numbers are 1, 2, 3 …, one running at a time, epochs only grow."""
        attempts = block["attempts"]
        numbers = [attempt["number"] for attempt in attempts]
        if numbers != list(range(1, len(numbers) + 1)):
            yield f"I2: attempts of {named(block)} are numbered {numbers}"
        epochs = [attempt["epoch"] for attempt in attempts]
        if epochs != sorted(epochs):
            yield f"I2: attempts of {named(block)} are of epochs {epochs}"
        good = Counter(attempt["epoch"] for attempt in attempts if attempt["status"] == "succeeded")
        if any(count > 1 for count in good.values()):
            yield f"I2: {named(block)} succeeded twice in one epoch"

    def _results(self, block: Mapping[str, Any], words: list[Word]) -> Iterator[str]:
        """I5: what succeeded has run to its end, and one start is behind each attempt that was not cut short."""
        if block["kind"] not in {"block", "instance"} or not words:
            return
        begun = {word.attempt for word in words if word.event == "start"}
        finished = {word.attempt for word in words if word.event == "finish"}
        for attempt in block["attempts"]:
            if attempt["status"] == "succeeded" and attempt["id"] not in finished:
                yield f"I5: attempt {attempt['number']} of {named(block)} succeeded and its code never finished"
            if attempt["exit_reason"] not in NEVER_STARTED and attempt["id"] not in begun:
                yield f"I4: attempt {attempt['number']} of {named(block)} has no start ({attempt['exit_reason']})"

    def _successors(self, block: Mapping[str, Any], words: list[Word]) -> Iterator[str]:
        """I2, I4: a local attempt begins after the one before has ended, and that one says nothing more."""
        said: dict[str, list[float]] = defaultdict(list)
        for word in words:
            said[word.attempt].append(word.at)
        attempts = block["attempts"]
        for before, after in itertools.pairwise(attempts):
            began = min(said[after["id"]], default=None)
            if began is None:
                continue
            ended = seconds(before["ended_at"])
            if ended is None or ended > began + CLOCK_SLACK_SECONDS:
                yield f"I2: attempt {after['number']} of {named(block)} began before the one before it had ended"
            if not self.beside and said[before["id"]] and max(said[before["id"]]) > began:
                yield f"I4: attempt {before['number']} of {named(block)} went on beside its successor"

    def _order(self, run: Mapping[str, Any], words: list[Word]) -> Iterator[str]:
        """A block begins after all above it have finished; over all epochs, where there is one."""
        if run["epoch"] != 1:
            return
        first: dict[str, float] = {}
        last: dict[str, float] = {}
        for word in words:
            if word.event == "start":
                first.setdefault(word.block, word.at)
            elif word.event == "finish":
                last[word.block] = word.at
        for block, began in first.items():
            for above in self.upstream.get(block, ()):
                if above not in last or last[above] > began:
                    yield f"order: {block} began before {above} had finished for good"


def named(block: Mapping[str, Any]) -> str:
    """Return a block run's name for people."""
    index = "" if block["map_index"] is None else f"[{block['map_index']}]"
    return f"{block['block'] or 'the pipeline'}{index}"
