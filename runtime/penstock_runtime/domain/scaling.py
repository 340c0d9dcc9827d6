"""How many schedulers a load asks for: the fewest that start a block soon enough. Pure.

The model: a slot runs one block at a time, blocks arrive at random, and each holds a slot for its seconds. The start
delay predicted for a number of schedulers is what a block waits behind the queue that is there now, and what it waits
on average once that is gone (Erlang's C formula, as `penstock_platform.load` sizes stacks).

Up at once to what is needed, when three looks in a row say so; down by one, when every look of a whole window says that
one fewer would do with room to spare. Between the two lies a band in which nothing moves.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

ASSUMED_SECONDS = 10.0
"""What a block is taken to last while none has ended."""
SPARE_DELAY = 0.5
"""One fewer is enough only when it keeps the start delay within this part of what is allowed …"""
SPARE_BUSY = 0.65
"""… and when its slots are busy for no more than this part of the time."""
LOOKS_TO_GROW = 3
"""A queue that is gone before a scheduler would be up is no reason for one."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator asked for: bounds, the start delay to keep, and how often and how quickly to move."""

    least: int
    most: int
    delay_seconds: float = 5.0
    look_seconds: float = 10.0
    cooldown_up_seconds: float = 30.0
    cooldown_down_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """What the run store says of the load at one instant.

    `ready` counts block runs that only a free slot is missing to; `running` those that hold one. `mean_seconds` is how
    long a block held its slot lately (None: none has ended), `schedulers` how many work, each with `slots` (None:
    nobody says), and `standbys` how many wait for the right to schedule.
    """

    at: datetime
    ready: int
    oldest_ready_seconds: float
    running: int
    arrivals_per_second: float
    mean_seconds: float | None
    schedulers: int
    standbys: int
    slots: int | None

    @property
    def block_seconds(self) -> float:
        """How long a block is expected to hold a slot."""
        return ASSUMED_SECONDS if self.mean_seconds is None else max(self.mean_seconds, 0.001)


@dataclass(frozen=True, slots=True)
class Need:
    """What one look asked for: schedulers to keep the delay, and to keep it with room to spare (never fewer)."""

    at: datetime
    enough: int
    spare: int


@dataclass(frozen=True, slots=True)
class Past:
    """What the one who decides remembers: since when it looks, what its looks asked for, and its last changes."""

    since: datetime
    needs: tuple[Need, ...] = ()
    grew_at: datetime | None = None
    shrank_at: datetime | None = None

    def with_need(self, need: Need, keep_seconds: float) -> Past:
        """Return the past with one look more, and without those that are older than the longest window."""
        oldest = need.at - timedelta(seconds=keep_seconds)
        kept = tuple(one for one in self.needs[-LOOKS_TO_GROW:] if one.at < oldest)
        return replace(self, needs=(*kept, *(one for one in self.needs if one.at >= oldest), need))

    def with_change(self, at: datetime, change: int) -> Past:
        """Return the past after the number was changed by `change`."""
        return replace(self, grew_at=at) if change > 0 else replace(self, shrank_at=at) if change < 0 else self


@dataclass(frozen=True, slots=True)
class Verdict:
    """How many schedulers are wanted, and why, in words."""

    wanted: int
    reason: str


@dataclass(frozen=True, slots=True)
class ScalingDecision:
    """A decision as it is kept. `applied`: the number was set. `inputs` holds all that it was made from."""

    id: str
    at: datetime
    service: str
    before: int
    wanted: int
    applied: bool
    dry_run: bool
    reason: str
    inputs: Mapping[str, Any] = field(default_factory=dict)


def predicted_delay(load: Load, schedulers: int) -> float:
    """Return the seconds until a block starts with that many schedulers; infinity when they fall ever more behind."""
    slots = schedulers * (load.slots or 0)
    busy = load.arrivals_per_second * load.block_seconds
    if slots <= busy:
        return math.inf
    queued = max(0, load.ready - max(0, slots - load.running))
    return queued * load.block_seconds / slots + _chance_to_wait(busy, slots) * load.block_seconds / (slots - busy)


def need_of(load: Load, count: int, rules: Rules) -> Need:
    """Return what this look asks for, within the bounds. Never less with more load."""
    slots = load.slots or 1

    def enough(schedulers: int) -> bool:
        return predicted_delay(load, schedulers) <= rules.delay_seconds

    def spare(schedulers: int) -> bool:
        taken = max(load.arrivals_per_second * load.block_seconds / SPARE_BUSY, load.running)
        soon = predicted_delay(load, schedulers) <= rules.delay_seconds * SPARE_DELAY
        return taken <= schedulers * slots and soon

    choices = range(rules.least, rules.most + 1)
    found = choices[min(bisect_left(choices, x=True, key=enough), len(choices) - 1)]
    roomy = choices[min(bisect_left(choices, x=True, key=spare), len(choices) - 1)]
    if load.ready and load.oldest_ready_seconds > rules.delay_seconds:
        # The prediction was too kind. Whatever the reason, nothing is taken away …
        roomy = max(roomy, min(count, rules.most))
        if load.schedulers >= count and load.running >= load.schedulers * slots:
            # … and when all that are asked for work and every slot is taken, the reason is a lack of slots.
            found = max(found, min(count + 1, rules.most))
    return Need(load.at, found, max(found, roomy))


def decide(load: Load, count: int, rules: Rules, past: Past) -> Verdict:
    """Return how many schedulers are wanted when `count` are; `past` ends with the need of this look."""
    if count < rules.least or count > rules.most:
        bound = min(max(count, rules.least), rules.most)
        return Verdict(bound, f"{count} is outside the bounds {rules.least} to {rules.most}")
    if load.slots is None:
        return Verdict(count, "no scheduler is alive to say how many slots it has")
    grow = min(need.enough for need in past.needs[-LOOKS_TO_GROW:])
    if past.needs[-1].enough > count:
        return _up(load, count, grow, rules, past)
    window = load.at - timedelta(seconds=rules.cooldown_down_seconds)
    keep = max(need.spare for need in past.needs if need.at >= window)
    if past.needs[-1].spare < count:
        return _down(load, count, keep, rules, past)
    delay = predicted_delay(load, count)
    if delay > rules.delay_seconds:
        return Verdict(count, f"a block waits {_words(delay)} for a slot, and {count} is the most allowed")
    fewer = "that is the fewest allowed" if count == rules.least else "one fewer would leave no room to spare"
    return Verdict(count, f"a block waits {_words(delay)} for a slot, and {fewer}")


def _up(load: Load, count: int, wanted: int, rules: Rules, past: Past) -> Verdict:
    delay = f"a block would wait {_words(predicted_delay(load, count))} with {count}"
    if math.isinf(predicted_delay(load, count)):
        delay = f"blocks arrive faster than {count} can run them"
    elif predicted_delay(load, count) <= rules.delay_seconds:
        delay = f"every slot is taken and a block has waited {_words(load.oldest_ready_seconds)}"
    if load.standbys:
        return Verdict(count, f"{delay}, but more would only stand by: several schedulers at once need REDIS_URL")
    if wanted <= count or len(past.needs) < LOOKS_TO_GROW:
        return Verdict(count, f"{delay}; not for {LOOKS_TO_GROW} looks in a row yet")
    if _within(past.grew_at, load.at, rules.cooldown_up_seconds):
        return Verdict(count, f"{delay}; the last growth is too recent")
    if predicted_delay(load, wanted) > rules.delay_seconds:
        return Verdict(wanted, f"{delay}; {wanted} is the most allowed")
    return Verdict(wanted, f"{delay}; {wanted} keep it within {_words(rules.delay_seconds)}")


def _down(load: Load, count: int, keep: int, rules: Rules, past: Past) -> Verdict:
    fewer = f"{count - 1} would do"
    window = rules.cooldown_down_seconds
    if keep >= count or _within(past.since, load.at, window):
        return Verdict(count, f"{fewer}, but not for a whole {_words(window)} yet")
    if _within(past.grew_at, load.at, window) or _within(past.shrank_at, load.at, window):
        return Verdict(count, f"{fewer}; the last change is too recent")
    return Verdict(count - 1, f"{fewer}, and would have for {_words(window)}")


def _within(then: datetime | None, now: datetime, seconds: float) -> bool:
    return then is not None and now - then < timedelta(seconds=seconds)


def _words(seconds: float) -> str:
    if math.isinf(seconds):
        return "ever longer"
    if seconds >= 120:  # noqa: PLR2004 - two minutes
        return f"{seconds / 60:.0f} min"
    return f"{round(seconds, 0 if seconds >= 10 else 1):g} s"  # noqa: PLR2004 - two digits are enough


def _chance_to_wait(busy: float, slots: int) -> float:
    """Return Erlang's C for `slots` above `busy`, by the recursion of Erlang's B, which does not overflow."""
    blocked = 1.0
    for number in range(1, slots + 1):
        blocked = busy * blocked / (number + busy * blocked)
    return slots * blocked / (slots - busy * (1 - blocked))


def inputs_of(load: Load, need: Need, rules: Rules, count: int) -> dict[str, Any]:
    """Return what a decision was made from, as JSON has it: an endless delay is None."""
    delay = predicted_delay(load, count) if load.slots else math.inf
    known = asdict(load)
    del known["at"]
    return {
        **known,
        **asdict(rules),
        "predicted_delay_seconds": delay if math.isfinite(delay) else None,
        "enough": need.enough,
        "spare": need.spare,
    }
