from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.schedules import CatchUp, Schedule, next_after, parse_schedule, previous_at_or_before


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def cron(expression: str, zone: str = "UTC", **settings: object) -> Schedule:
    return parse_schedule({"schedule_interval": expression, "timezone": zone, **settings})


def ticks(schedule: Schedule, after: datetime, until: datetime) -> list[str]:
    found = []
    tick = next_after(schedule, after)
    while tick is not None and tick <= until:
        found.append(tick.strftime("%d %H:%M"))
        tick = next_after(schedule, tick)
    return found


EXPRESSIONS = [
    "30 2 * * *",
    "*/30 * * * *",
    "0 */2 * * *",
    "15 1,2,3 * * *",
    "0 0 * * 1",
    "5 4 1 * *",
    "* 2 * * *",
    "30 0,1,2,3 * * *",
]


def matches(schedule: Schedule, moment: datetime) -> bool:
    """Whether the wall clock shows a time of the expression, by cronsim on times without a zone."""
    wall = moment.astimezone(ZoneInfo(schedule.timezone)).replace(tzinfo=None)
    return next(CronSim(schedule.cron, wall - timedelta(seconds=1))) == wall


def check_agreement(schedule: Schedule, moment: datetime) -> None:
    later = next_after(schedule, moment)
    earlier = previous_at_or_before(schedule, moment)
    assert later is not None
    assert earlier is not None
    assert earlier <= moment < later
    # No tick lies between the two.
    assert next_after(schedule, earlier) == later
    assert previous_at_or_before(schedule, later) == later


@pytest.mark.parametrize(
    ("preset", "expected"),
    [
        ("@hourly", utc(2025, 1, 15, 11)),
        ("@daily", utc(2025, 1, 16)),
        ("@weekly", utc(2025, 1, 20)),  # a Monday
        ("@monthly", utc(2025, 2, 1)),
        ("@yearly", utc(2026, 1, 1)),
        ("30 6 * * *", utc(2025, 1, 16, 6, 30)),
        ("*/20 * * * *", utc(2025, 1, 15, 10, 40)),
    ],
)
def test_the_next_tick(preset: str, expected: datetime):
    assert next_after(cron(preset), utc(2025, 1, 15, 10, 20)) == expected


def test_next_is_strictly_after_and_previous_is_not():
    hourly = cron("@hourly")
    at = utc(2025, 1, 15, 10)
    assert next_after(hourly, at) == utc(2025, 1, 15, 11)
    assert next_after(hourly, at - timedelta(microseconds=1)) == at
    assert previous_at_or_before(hourly, at) == at
    assert previous_at_or_before(hourly, at + timedelta(minutes=59, microseconds=999)) == at
    assert previous_at_or_before(hourly, at - timedelta(microseconds=1)) == utc(2025, 1, 15, 9)


class TestDaylightSaving:
    def test_berlin_spring_a_fixed_time_in_the_gap_runs_once_right_after_it(self):
        # 30 March 2025: 02:00 becomes 03:00 (01:00 UTC).
        nightly = cron("30 2 * * *", "Europe/Berlin")
        assert ticks(nightly, utc(2025, 3, 28, 12), utc(2025, 3, 31, 12)) == ["29 01:30", "30 01:00", "31 00:30"]

    def test_berlin_autumn_a_fixed_time_that_exists_twice_runs_once(self):
        # 26 October 2025: 03:00 becomes 02:00 (01:00 UTC).
        nightly = cron("30 2 * * *", "Europe/Berlin")
        assert ticks(nightly, utc(2025, 10, 24, 12), utc(2025, 10, 27, 12)) == ["25 00:30", "26 00:30", "27 01:30"]

    def test_new_york_spring(self):
        # 9 March 2025: 02:00 becomes 03:00 (07:00 UTC).
        nightly = cron("30 2 * * *", "America/New_York")
        assert ticks(nightly, utc(2025, 3, 7, 12), utc(2025, 3, 10, 12)) == ["08 07:30", "09 07:00", "10 06:30"]

    def test_new_york_autumn(self):
        # 2 November 2025: 02:00 becomes 01:00 (06:00 UTC).
        nightly = cron("30 1 * * *", "America/New_York")
        assert ticks(nightly, utc(2025, 10, 31, 12), utc(2025, 11, 3, 12)) == ["01 05:30", "02 05:30", "03 06:30"]

    @pytest.mark.parametrize(
        ("zone", "day"),
        [
            ("Europe/Berlin", utc(2025, 3, 29, 20)),
            ("Europe/Berlin", utc(2025, 10, 25, 20)),
            ("America/New_York", utc(2025, 3, 9, 2)),
            ("America/New_York", utc(2025, 11, 2, 1)),
        ],
    )
    def test_an_hourly_job_runs_every_hour_through_both_changes(self, zone: str, day: datetime):
        hourly = cron("@hourly", zone)
        found = []
        tick = next_after(hourly, day)
        while tick is not None and tick <= day + timedelta(hours=12):
            found.append(tick)
            tick = next_after(hourly, tick)
        assert [late - early for early, late in pairwise(found)] == [timedelta(hours=1)] * 11

    @pytest.mark.parametrize("expression", EXPRESSIONS)
    @pytest.mark.parametrize(
        ("zone", "change"),
        [
            ("Europe/Berlin", utc(2025, 3, 30, 1)),
            ("Europe/Berlin", utc(2025, 10, 26, 1)),
            ("America/New_York", utc(2025, 3, 9, 7)),
            ("America/New_York", utc(2025, 11, 2, 6)),
            ("Australia/Lord_Howe", utc(2025, 4, 5, 15)),
            ("Australia/Lord_Howe", utc(2025, 10, 4, 15, 30)),
            ("Pacific/Chatham", utc(2025, 4, 5, 14)),
            ("Pacific/Chatham", utc(2025, 9, 27, 14)),
        ],
    )
    def test_previous_and_next_agree_around_a_change(self, zone: str, change: datetime, expression: str):
        for minutes in range(-150, 151, 15):
            check_agreement(cron(expression, zone), change + timedelta(minutes=minutes))

    @pytest.mark.parametrize("expression", ["*/5 * * * *", "0 */2 * * *", "*/10 2 * * *", "* 1,2,3 * * *"])
    @pytest.mark.parametrize(
        ("zone", "change"),
        [
            ("Europe/Berlin", utc(2025, 3, 30, 1)),
            ("America/New_York", utc(2025, 11, 2, 6)),
            ("Australia/Lord_Howe", utc(2025, 4, 5, 15)),
            ("Pacific/Chatham", utc(2025, 9, 27, 14)),
        ],
    )
    def test_a_repeating_job_is_due_whenever_the_clock_says_so(self, zone: str, change: datetime, expression: str):
        schedule = cron(expression, zone)
        start = change - timedelta(hours=5)
        minutes = [start + timedelta(minutes=number) for number in range(1, 600)]
        due = [moment for moment in minutes if matches(schedule, moment)]
        found, tick = [], next_after(schedule, start)
        while tick is not None and tick <= minutes[-1]:
            found.append(tick)
            tick = next_after(schedule, tick)
        assert found == due

    @given(
        zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Pacific/Chatham", "Asia/Kathmandu", "UTC"]),
        expression=st.sampled_from(EXPRESSIONS),
        minutes=st.integers(0, 365 * 24 * 60),
        microsecond=st.sampled_from([0, 1, 999_999]),
    )
    def test_previous_and_next_agree_all_year(self, zone: str, expression: str, minutes: int, microsecond: int):
        moment = utc(2025, 1, 1) + timedelta(minutes=minutes, microseconds=microsecond)
        check_agreement(cron(expression, zone), moment)


class TestBounds:
    def test_nothing_before_the_start(self):
        daily = cron("0 6 * * *", start_time="2025-03-01 06:00:00")
        assert next_after(daily, utc(2025, 1, 1)) == utc(2025, 3, 1, 6)
        assert previous_at_or_before(daily, utc(2025, 3, 1, 5, 59)) is None
        assert previous_at_or_before(daily, utc(2025, 3, 1, 6)) == utc(2025, 3, 1, 6)

    def test_nothing_after_the_end(self):
        daily = cron("0 6 * * *", end_time="2025-03-01 06:00:00")
        assert next_after(daily, utc(2025, 2, 28, 7)) == utc(2025, 3, 1, 6)
        assert next_after(daily, utc(2025, 3, 1, 6)) is None
        assert previous_at_or_before(daily, utc(2026, 1, 1)) == utc(2025, 3, 1, 6)

    def test_once_is_its_start(self):
        once = cron("@once", start_time="2025-03-01 06:30:00")
        assert next_after(once, utc(2025, 1, 1)) == utc(2025, 3, 1, 6, 30)
        assert next_after(once, utc(2025, 3, 1, 6, 30)) is None
        assert previous_at_or_before(once, utc(2030, 1, 1)) == utc(2025, 3, 1, 6, 30)
        assert previous_at_or_before(once, utc(2025, 1, 1)) is None
        assert next_after(cron("@once"), utc(2025, 1, 1)) is None

    def test_always_on_has_no_ticks(self):
        always = cron("@always_on")
        assert always.always_on
        assert next_after(always, utc(2025, 1, 1)) is None
        assert previous_at_or_before(always, utc(2025, 1, 1)) is None

    def test_an_interval_counts_from_its_start(self):
        every = parse_schedule({"interval_seconds": 90, "start_time": "2025-01-01 00:00:30"})
        assert next_after(every, utc(2024, 1, 1)) == utc(2025, 1, 1, 0, 0, 30)
        assert next_after(every, utc(2025, 1, 1, 0, 0, 30)) == utc(2025, 1, 1, 0, 2)
        assert previous_at_or_before(every, utc(2025, 1, 1, 0, 1, 59)) == utc(2025, 1, 1, 0, 0, 30)
        assert previous_at_or_before(every, utc(2025, 1, 1, 0, 0, 29)) is None


class TestParsing:
    def test_times_without_a_zone_are_in_the_timezone(self):
        schedule = cron("@daily", "Europe/Berlin", start_time=date(2025, 7, 1), end_time="2025-08-01T00:00:00Z")
        assert schedule.start_at == utc(2025, 6, 30, 22)
        assert schedule.end_at == utc(2025, 8, 1)
        aware = datetime(2025, 7, 1, tzinfo=timezone(timedelta(hours=5)))
        assert cron("@daily", start_time=aware).start_at == utc(2025, 6, 30, 19)

    def test_the_rest(self):
        schedule = cron("@daily", catch_up="all", jitter_seconds=30, grace_seconds=120)
        assert (schedule.catch_up, schedule.jitter_seconds, schedule.grace_seconds) == (CatchUp.ALL, 30, 120)

    @pytest.mark.parametrize(
        ("settings", "field", "text"),
        [
            ({}, "schedule_interval", "needs a schedule_interval"),
            ({"schedule_interval": "61 * * * *"}, "schedule_interval", "61"),
            ({"schedule_interval": "every tuesday"}, "schedule_interval", "every tuesday"),
            ({"schedule_interval": "@fortnightly"}, "schedule_interval", "@weekly"),
            ({"schedule_interval": "0 0 31 2 *"}, "schedule_interval", "0 0 31 2"),
            ({"schedule_interval": "@daily", "timezone": "Europe/Atlantis"}, "timezone", "Atlantis"),
            ({"schedule_interval": "@daily", "timezone": "../etc/passwd"}, "timezone", "passwd"),
            ({"schedule_interval": "@daily", "start_time": "soon"}, "start_time", "soon"),
            ({"schedule_interval": "@daily", "start_time": 12}, "start_time", "12"),
            ({"schedule_interval": "@daily", "catch_up": "some"}, "catch_up", "some"),
            ({"interval_seconds": 0}, "interval_seconds", "0"),
            ({"interval_seconds": "often"}, "interval_seconds", "often"),
        ],
    )
    def test_what_cannot_be_used_is_named(self, settings: dict[str, object], field: str, text: str):
        with pytest.raises(InvalidInput, match=r".") as refused:
            parse_schedule(settings)
        assert refused.value.field == field
        assert text in str(refused.value)

    def test_naive_times_are_refused(self):
        with pytest.raises(ValueError, match="without a zone"):
            next_after(cron("@daily"), datetime(2025, 1, 1))  # noqa: DTZ001
        with pytest.raises(ValueError, match="without a zone"):
            previous_at_or_before(cron("@daily"), datetime(2025, 1, 1))  # noqa: DTZ001
