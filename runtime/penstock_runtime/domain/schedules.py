"""When a schedule is due: cron expressions in a timezone, presets, fixed intervals; pure, without a clock.

Daylight saving is as Debian's cron has it (see `domain.cron`). Every time that is returned is aware and in UTC; a naive
one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from penstock_runtime.domain.cron import CronTicks
from penstock_runtime.domain.errors import InvalidInput

ONCE = "@once"
ALWAYS_ON = "@always_on"
_FASTEST = 6000
_YEARS = range(1900, 9000)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Weeks begin on Monday, as the project format has it (cron's own @weekly would be Sunday).
PRESETS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 1",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}


class CatchUp(StrEnum):
    """Which of the ticks that were missed are run: the latest, none, or all of them at a rate."""

    LATEST = "latest"
    NONE = "none"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When runs are due. Exactly one of `cron` and `interval_seconds` is set, or `preset` is @once or @always_on.

    `start_at` and `end_at` bound the ticks, both inclusive. An interval counts from `start_at`, or from the epoch.
    Neither jitter nor catch-up moves a logical time: `jitter_seconds` delays the making of a run by up to that much,
    and `catch_up_per_minute` bounds how fast `catch_up: all` makes the runs that were missed. With `initial_run` a
    schedule that becomes active runs the tick before it at once.
    """

    cron: str | None = None
    timezone: str = "UTC"
    interval_seconds: float | None = None
    preset: str | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    jitter_seconds: float = 0.0
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_per_minute: float = 6.0
    grace_seconds: float = 60.0
    initial_run: bool = False

    @property
    def always_on(self) -> bool:
        """Whether a run is due whenever the last one has ended: the engine's affair, with no ticks of its own."""
        return self.preset == ALWAYS_ON

    @property
    def once(self) -> bool:
        """Whether there is a single tick, at `start_at` (without one: as soon as the trigger is active)."""
        return self.preset == ONCE


_FIELDS = (
    "catch_up",
    "catch_up_per_minute",
    "create_initial_pipeline_run",
    "end_time",
    "grace_seconds",
    "interval_seconds",
    "jitter_seconds",
    "schedule_interval",
    "start_time",
    "timezone",
)


def parse_schedule(settings: Mapping[str, Any]) -> Schedule:
    """Return the schedule that a trigger's settings describe. InvalidInput names the field.

    Read are `schedule_interval` (cron or preset), `interval_seconds`, `timezone`, `start_time`, `end_time`,
    `jitter_seconds`, `catch_up`, `catch_up_per_minute`, `grace_seconds` and `create_initial_pipeline_run`. A time
    without a zone is in `timezone`. Answers are kept: a schedule is read again at each of its ticks.
    """
    given = {name: settings[name] for name in _FIELDS if settings.get(name) is not None}
    if any(not isinstance(value, str | int | float) for value in given.values()):
        return _parse(given)
    # By type too: True and 1 are equal, and are not the same setting.
    return _parse_known(tuple((name, type(value), value) for name, value in given.items()))


@lru_cache(maxsize=20_000)
def _parse_known(given: tuple[tuple[str, type, Any], ...]) -> Schedule:
    return _parse({name: value for name, _, value in given})


def _parse(settings: Mapping[str, Any]) -> Schedule:
    timezone = str(settings.get("timezone") or "UTC")
    zone = _zone(timezone)
    interval = settings.get("interval_seconds")
    expression = str(settings.get("schedule_interval") or "").strip()
    preset = expression if expression in (ONCE, ALWAYS_ON) else None
    cron = PRESETS.get(expression, expression) if not preset and interval is None else None
    if cron is not None:
        _check_cron(cron)
    return Schedule(
        cron=cron,
        timezone=timezone,
        interval_seconds=_seconds("interval_seconds", interval, 1.0) if interval is not None else None,
        preset=preset,
        start_at=_time("start_time", settings.get("start_time"), zone),
        end_at=_time("end_time", settings.get("end_time"), zone),
        jitter_seconds=_seconds("jitter_seconds", settings.get("jitter_seconds") or 0, 0.0),
        catch_up=_catch_up(settings.get("catch_up")),
        catch_up_per_minute=_rate(settings.get("catch_up_per_minute")),
        grace_seconds=_seconds("grace_seconds", settings.get("grace_seconds") or 60, 1.0),
        initial_run=settings.get("create_initial_pipeline_run") is True,
    )


def next_ticks(schedule: Schedule, after: datetime, count: int) -> list[datetime]:
    """Return up to `count` ticks strictly after `after`, in order and in UTC; fewer where the schedule ends.

    @once has one, its start; @always_on has none, since its next run is due when the last one ends.
    """
    found: list[datetime] = []
    tick = next_after(schedule, after)
    while tick is not None and len(found) < count:
        found.append(tick)
        tick = next_after(schedule, tick)
    return found


def first_due(schedule: Schedule, now: datetime) -> datetime | None:
    """Return the first tick of a schedule that has just become active; None when it has none.

    What was due before is not: a new or resumed schedule begins with the next tick, or with the one before when it
    asks for an initial run.
    """
    if schedule.always_on:
        return now
    if schedule.once:
        return schedule.start_at or now
    before = previous_at_or_before(schedule, now) if schedule.initial_run else None
    return before or next_after(schedule, now)


def next_after(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first tick strictly after `after`, or None when there is none (or the engine decides: @always_on)."""
    _refuse_naive(after)
    if schedule.always_on:
        return None
    if schedule.once:
        tick = schedule.start_at
        found = tick if tick is not None and tick > after else None
    else:
        floor = after
        if schedule.start_at is not None and schedule.start_at > after:
            floor = schedule.start_at - timedelta(microseconds=1)
        found = _next_interval(schedule, floor) if schedule.interval_seconds else _cron(schedule).after(floor)
    if found is None or (schedule.end_at is not None and found > schedule.end_at):
        return None
    return found.astimezone(UTC)


def previous_at_or_before(schedule: Schedule, at: datetime) -> datetime | None:
    """Return the last tick at or before `at`, or None when there is none."""
    _refuse_naive(at)
    if schedule.always_on:
        return None
    ceiling = at if schedule.end_at is None else min(at, schedule.end_at)
    if schedule.once:
        found = schedule.start_at if schedule.start_at is not None and schedule.start_at <= ceiling else None
    elif schedule.interval_seconds:
        found = _previous_interval(schedule, ceiling)
    else:
        found = _cron(schedule).at_or_before(ceiling)
    if found is None or (schedule.start_at is not None and found < schedule.start_at):
        return None
    return found.astimezone(UTC)


def _cron(schedule: Schedule) -> CronTicks:
    return CronTicks(schedule.cron or "", ZoneInfo(schedule.timezone))


def _next_interval(schedule: Schedule, after: datetime) -> datetime:
    base, step = schedule.start_at or _EPOCH, timedelta(seconds=schedule.interval_seconds or 1)
    return base + step * max((after - base) // step + 1, 0)


def _previous_interval(schedule: Schedule, at: datetime) -> datetime | None:
    base, step = schedule.start_at or _EPOCH, timedelta(seconds=schedule.interval_seconds or 1)
    return base + step * ((at - base) // step) if at >= base else None


def _check_cron(expression: str) -> None:
    if not expression:
        raise InvalidInput(
            "a schedule needs a schedule_interval: cron such as '0 6 * * *', or a preset", "schedule_interval"
        )
    if expression.startswith("@"):
        known = ", ".join(sorted({*PRESETS, ONCE, ALWAYS_ON}))
        raise InvalidInput(f"there is no preset {expression!r} (there are: {known})", "schedule_interval")
    try:
        # A first tick is asked for: 31 February parses as fields and never comes.
        if next(CronSim(expression, datetime(2024, 1, 1, tzinfo=UTC)), None) is None:
            raise InvalidInput(f"the cron expression {expression!r} never comes due", "schedule_interval")
    except CronSimError as error:
        raise InvalidInput(
            f"{expression!r} is no cron expression: {str(error).lower()}", "schedule_interval"
        ) from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidInput(f"there is no timezone {name!r}; use a name such as Europe/Berlin", "timezone") from error


def _time(field: str, value: Any, zone: ZoneInfo) -> datetime | None:
    if value is None or value == "":
        return None
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError as error:
            raise InvalidInput(f"{value!r} is no date and time such as 2025-01-31 06:00:00", field) from error
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the zone is given below
    if not isinstance(value, datetime):
        raise InvalidInput(f"{value!r} is no date and time such as 2025-01-31 06:00:00", field)
    # Away from both ends of the calendar: ticks are counted on from here, and zones are added.
    if value.year not in _YEARS:
        raise InvalidInput(f"`{field}` is {value}; write a year from {_YEARS.start} to {_YEARS.stop - 1}", field)
    return (value if value.tzinfo else value.replace(tzinfo=zone)).astimezone(UTC)


def _seconds(field: str, value: Any, minimum: float) -> float:
    try:
        seconds = float(value)
    except (TypeError, ValueError):
        seconds = float("nan")
    if isinstance(value, bool) or not minimum <= seconds <= 10 * 366 * 86400:
        raise InvalidInput(f"`{field}` is {value!r}; write seconds, at least {minimum:g}", field)
    return seconds


def _rate(value: Any) -> float:
    rate = 6.0 if value is None else value
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate <= _FASTEST:
        text = f"`catch_up_per_minute` is {value!r}; write the runs to make in a minute, above 0 and at most {_FASTEST}"
        raise InvalidInput(text, "catch_up_per_minute")
    return float(rate)


def _catch_up(value: Any) -> CatchUp:
    try:
        return CatchUp(value or CatchUp.LATEST)
    except ValueError as error:
        raise InvalidInput(f"`catch_up` is {value!r}; write latest, none or all", "catch_up") from error


def _refuse_naive(moment: datetime) -> None:
    if moment.tzinfo is None:
        raise ValueError("a time without a zone was given to a schedule")
