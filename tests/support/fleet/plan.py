"""What is to go wrong, and what is to be asked of the fleet meanwhile: from a seed alone, so that a seed replays.

Faults are dealt from a shuffled deck, so that a plan of any length holds every kind before it holds one too often.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

SCHEDULERS = ("scheduler-0", "scheduler-1", "scheduler-2")
WEBS = ("web-0", "web-1")
FAKED = "scheduler-2"
"""The scheduler whose wall clock can be set, where libfaketime is there."""


@dataclass(frozen=True)
class Kind:
    """One kind of fault: how often it is in the deck, whom it may meet, how long it lasts (seconds)."""

    name: str
    cards: int
    targets: tuple[str, ...]
    shortest: float = 0.0
    longest: float = 0.0


EVERYONE = (*SCHEDULERS, *WEBS)
KINDS = (
    Kind("kill-scheduler", 3, SCHEDULERS),
    Kind("kill-web", 1, WEBS),
    Kind("kill-parent", 1, SCHEDULERS),
    Kind("kill-block", 2, SCHEDULERS),
    Kind("freeze-scheduler", 2, SCHEDULERS, 5, 60),
    Kind("freeze-web", 1, WEBS, 5, 60),
    Kind("freeze-parent", 1, SCHEDULERS, 5, 20),
    Kind("drain-scheduler", 1, SCHEDULERS),
    Kind("redis-stop", 1, ("redis",), 2, 10),
    Kind("redis-flush", 1, ("redis",)),
    Kind("redis-restart", 1, ("redis",)),
    Kind("postgres-restart", 1, ("postgres",), 0.2, 3),
    Kind("postgres-crash", 1, ("postgres",), 0.2, 6),
    Kind("cut", 2, (*EVERYONE, "all")),
    Kind("refuse", 1, EVERYONE, 2, 15),
    Kind("stall", 1, SCHEDULERS, 2, 15),
    Kind("slow", 1, (*EVERYONE, "all"), 3, 10),
    Kind("clock", 1, (FAKED,)),
    Kind("disk-full", 1, ("disk",), 3, 10),
)
JUMPS = ("+5h", "-3h", "+40d", "-1d", "+0")


@dataclass(frozen=True)
class Fault:
    """One fault: when it begins (seconds after the start), what, whom it meets, how long, and more of it."""

    at: float
    kind: str
    target: str
    seconds: float = 0.0
    detail: str = ""


@dataclass(frozen=True)
class Ask:
    """One run to ask for, and what is done to it `later` seconds after: cancel, retry once it has ended, or nothing."""

    at: float
    pipeline: str
    key: str
    then: str = ""
    later: float = 0.0


def plan_faults(
    seed: int,
    seconds: float,
    every: float,
    *,
    kinds: Iterable[str] | None = None,
    longest: float = 60.0,
) -> list[Fault]:
    """Return the faults of a soak of that length, one every `every` seconds or so, none outlasting `longest`."""
    chance = random.Random(f"faults/{seed}")
    chosen = [kind for kind in KINDS if kinds is None or kind.name in set(kinds)]
    found: list[Fault] = []
    deck: list[Kind] = []
    at = every
    while at < seconds:
        if not deck:
            deck = [kind for kind in chosen for _ in range(kind.cards)]
            chance.shuffle(deck)
            deck = _one_of_each_first(deck)
        found.append(_fault(chance, deck.pop(0), at, longest))
        at += every * chance.uniform(0.6, 1.4)
    return found


def _one_of_each_first(deck: Sequence[Kind]) -> list[Kind]:
    """Return the deck so that even a short plan holds every kind."""
    first: list[Kind] = []
    rest: list[Kind] = []
    for kind in deck:
        (rest if kind in first else first).append(kind)
    return first + rest


def _fault(chance: random.Random, kind: Kind, at: float, longest: float) -> Fault:
    lasts = chance.uniform(kind.shortest, min(kind.longest, longest)) if kind.longest else 0.0
    detail = {
        "clock": lambda: chance.choice(JUMPS),
        "slow": lambda: f"{chance.uniform(0.01, 0.06):.3f}",
    }.get(kind.name, lambda: "")()
    return Fault(round(at, 2), kind.name, chance.choice(kind.targets), round(lasts, 2), detail)


# Of ten runs: mostly plain work, and one of each that can go wrong by itself.
MIX = (
    *("chain",) * 8,
    *("fan",) * 3,
    *("flaky",) * 2,
    *("slow",) * 2,
    "failing",
    "waiting",
    "whole",
    "large",
    "family",
)
CANCELLED = {"slow": 0.5, "family": 0.6, "chain": 0.03, "waiting": 0.2}
RETRIED = {"failing": 0.4, "chain": 0.03, "fan": 0.1}


def plan_load(seed: int, seconds: float, runs: int) -> list[Ask]:
    """Return so many runs, spread over the time; the first ones hold every pipeline once."""
    chance = random.Random(f"load/{seed}")
    each = list(dict.fromkeys(MIX))
    names = [*each, *(chance.choice(MIX) for _ in range(max(0, runs - len(each))))][:runs]
    found = []
    for number, name in enumerate(names):
        then, later = "", 0.0
        if chance.random() < CANCELLED.get(name, 0.0):
            then, later = "cancel", chance.uniform(0.0, 3.0)
        elif chance.random() < RETRIED.get(name, 0.0):
            then, later = "retry", chance.uniform(0.0, 2.0)
        at = seconds * number / max(1, runs)
        found.append(Ask(round(at, 2), name, f"ask-{seed}-{number}", then, round(later, 2)))
    return found


def as_json(items: Iterable[Any]) -> list[dict[str, Any]]:
    """Return records as a report holds them."""
    return [asdict(item) for item in items]
