"""The instants at which a cron expression is due in a timezone; pure.

`cronsim` says which wall-clock times match; what those mean on the days that the clock changes is decided here, as
Debian's cron has it. An expression with fixed hours and minutes is due once for each matching time of the wall clock:
one that the clock skips comes due at the moment of the change, one that it shows twice at the first. Any other
expression (a `*` in minutes or hours, or a field for seconds) is due whenever the clock shows a matching time.

cronsim's own handling is not used: walking back through a zone with quarter-hour offsets it did not come to an end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim

# More than any change moves a clock, but for islands that changed their side of the date line.
_CHANGE = timedelta(hours=4)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class CronTicks:
    """The ticks of an expression that cronsim accepts. Times given and returned are aware, the returned in UTC."""

    expression: str
    zone: ZoneInfo

    def after(self, moment: datetime) -> datetime | None:
        """Return the first tick strictly after a moment, or None when there is none within cronsim's horizon."""
        moment = moment.astimezone(UTC)
        changing = self._changes_near(moment)
        local = self._local(moment) - (_CHANGE if changing else timedelta(0))
        candidates: Iterator[datetime] = CronSim(self.expression, local)
        for wall in candidates:
            found = min((tick for tick in self._instants(wall) if tick > moment), default=None)
            if found is None:
                continue
            if not (changing or self._changes_near(found)):
                return found
            # Where the hour repeats, a later time of the wall clock may be an earlier instant.
            near = takewhile((wall + _CHANGE).__ge__, candidates)
            others = (tick for other in near for tick in self._instants(other) if tick > moment)
            return min(found, min(others, default=found))
        return None

    def at_or_before(self, moment: datetime) -> datetime | None:
        """Return the last tick at or before a moment, or None when there is none within cronsim's horizon."""
        moment = moment.astimezone(UTC)
        changing = self._changes_near(moment)
        local = self._local(moment).replace(microsecond=0) + _SECOND + (_CHANGE if changing else timedelta(0))
        candidates: Iterator[datetime] = CronSim(self.expression, local, reverse=True)
        for wall in candidates:
            found = max((tick for tick in self._instants(wall) if tick <= moment), default=None)
            if found is None:
                continue
            if not (changing or self._changes_near(found)):
                return found
            near = takewhile((wall - _CHANGE).__le__, candidates)
            others = (tick for other in near for tick in self._instants(other) if tick <= moment)
            return max(found, max(others, default=found))
        return None

    @property
    def _fixed(self) -> bool:
        fields = self.expression.split()
        return len(fields) == 5 and not fields[0].startswith("*") and not fields[1].startswith("*")  # noqa: PLR2004

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone).replace(tzinfo=None)

    def _changes_near(self, moment: datetime) -> bool:
        return self._offset(moment - 2 * _CHANGE) != self._offset(moment + 2 * _CHANGE)

    def _offset(self, moment: datetime) -> timedelta:
        return moment.astimezone(self.zone).utcoffset() or timedelta(0)

    def _instants(self, wall: datetime) -> list[datetime]:
        """Return the instants that a matching time of the wall clock stands for, in order."""
        first, second = (wall.replace(tzinfo=self.zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        if first <= second:
            return [first] if self._fixed or first == second else [first, second]
        # The clock skips it: read with the offsets before and after the change it lies after and before the change.
        return [self._change_between(second, first)] if self._fixed else []

    def _change_between(self, early: datetime, late: datetime) -> datetime:
        """Return the instant, to the second, at which the offset has become what it is at `late`."""
        offset = self._offset(late)
        while late - early > _SECOND:
            middle = early + (late - early) // 2
            middle = middle.replace(microsecond=0)
            if self._offset(middle) == offset:
                late = middle
            else:
                early = middle
        return late
