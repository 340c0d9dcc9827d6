"""Backfills: which logical times a range has, in which order; pure, without a clock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Any

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.schedules import Schedule, next_after, parse_schedule, previous_at_or_before

MAX_TIMES = 10_000
"""Logical times that one backfill may have."""

MAX_CONCURRENCY = 100
"""Runs of one backfill that may be unfinished at once, at most."""

BACKFILL = "backfill"
"""The trigger kind of a backfill's runs."""

_INSTANT = timedelta(microseconds=1)


class BackfillStatus(StrEnum):
    """The life of a backfill. A cancelled one is over when its runs have ended too."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The logical times of a schedule from its start to its end, both inclusive, oldest or newest first."""

    schedule: Schedule
    newest_first: bool = False

    def following(self, reached: datetime | None) -> datetime | None:
        """Return the time after `reached` in this order (None: the first), or None behind the last. In UTC."""
        start, end = self.schedule.start_at, self.schedule.end_at
        if start is None or end is None:
            raise ValueError("a range needs a start and an end")
        if self.newest_first:
            return previous_at_or_before(self.schedule, end if reached is None else reached - _INSTANT)
        return next_after(self.schedule, start - _INSTANT if reached is None else reached)

    def times(self) -> Iterator[datetime]:
        """Return every time, in this order."""
        found = self.following(None)
        while found is not None:
            yield found
            found = self.following(found)


def make_range(settings: Mapping[str, Any], start: datetime, end: datetime, *, newest_first: bool) -> TimeRange:
    """Return a range. `settings` are those of a trigger: schedule_interval or interval_seconds, and timezone.

    An interval counts from the start. InvalidInput names the field.
    """
    if end < start:
        raise InvalidInput("the range ends before it starts", "end_at")
    schedule = parse_schedule(settings)
    if schedule.always_on or schedule.once:
        text = f"{schedule.preset} has no logical times to fill; write cron such as '0 6 * * *', or @daily"
        raise InvalidInput(text, "schedule_interval")
    return TimeRange(replace(schedule, start_at=start, end_at=end), newest_first)


def count_times(span: TimeRange) -> int:
    """Return how many logical times the range has; InvalidInput when there is none, or more than MAX_TIMES."""
    found = len(all_times(replace(span, newest_first=False)))
    if found == 0:
        raise InvalidInput("the schedule has no logical time between the start and the end", "end_at")
    return found


@lru_cache(maxsize=16)
def _ascending(span: TimeRange) -> Sequence[datetime]:
    return tuple(islice(span.times(), MAX_TIMES + 1))


def all_times(span: TimeRange) -> Sequence[datetime]:
    """Return every logical time of the range in its order; InvalidInput for more than MAX_TIMES."""
    found = _ascending(replace(span, newest_first=False))
    if len(found) > MAX_TIMES:
        text = f"the range has more than {MAX_TIMES:,} logical times; shorten it, or take a longer interval"
        raise InvalidInput(text, "end_at")
    return found[::-1] if span.newest_first else found
