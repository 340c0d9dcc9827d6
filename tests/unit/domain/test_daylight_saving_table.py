"""Both changes of the clock in three zones, against instants worked out by hand.

The changes of 2026:

    Europe/Berlin        29 March    01:00 UTC  02:00 becomes 03:00   +01:00 to +02:00
                         25 October  01:00 UTC  03:00 becomes 02:00   +02:00 to +01:00
    America/New_York      8 March    07:00 UTC  02:00 becomes 03:00   -05:00 to -04:00
                          1 November 06:00 UTC  02:00 becomes 01:00   -04:00 to -05:00
    Australia/Lord_Howe   4 April    15:00 UTC  02:00 becomes 01:30   +11:00 to +10:30 (the 5th there)
                          3 October  15:30 UTC  02:00 becomes 02:30   +10:30 to +11:00 (the 4th there)
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from penstock_runtime.domain.schedules import next_after, next_ticks, parse_schedule, previous_at_or_before

BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"

# Zone, schedule, the instant after which ticks are asked for, and the ticks: all in UTC, "month-day hour:minute".
TABLE: list[tuple[str, str, dict[str, Any], str, str]] = [
    # --- Berlin, 29 March: there is no 02:00 to 03:00 -----------------------------------------------------------
    (BERLIN, "a fixed time", {"schedule_interval": "0 6 * * *"}, "03-27 12:00", "03-28 05:00 03-29 04:00 03-30 04:00"),
    (BERLIN, "in the gap", {"schedule_interval": "30 2 * * *"}, "03-27 12:00", "03-28 01:30 03-29 01:00 03-30 00:30"),
    (
        BERLIN,
        "every 30 minutes",
        {"schedule_interval": "*/30 * * * *"},
        "03-29 00:00",
        "03-29 00:30 03-29 01:00 03-29 01:30 03-29 02:00",
    ),
    (
        BERLIN,
        "every 15 minutes of the hour that is skipped",
        {"schedule_interval": "*/15 2 * * *"},
        "03-28 00:59",
        "03-28 01:00 03-28 01:15 03-28 01:30 03-28 01:45 03-30 00:00 03-30 00:15 03-30 00:30 03-30 00:45",
    ),
    (BERLIN, "hourly", {"schedule_interval": "@hourly"}, "03-29 00:00", "03-29 01:00 03-29 02:00 03-29 03:00"),
    (
        BERLIN,
        "an interval of a day",
        {"interval_seconds": 86400, "start_time": "2026-03-27 06:00:00"},
        "03-27 12:00",
        "03-28 05:00 03-29 05:00 03-30 05:00",
    ),
    (
        BERLIN,
        "an interval of 30 minutes",
        {"interval_seconds": 1800, "start_time": "2026-03-29 00:10:00"},
        "03-29 00:00",
        "03-29 00:10 03-29 00:40 03-29 01:10 03-29 01:40 03-29 02:10",
    ),
    # --- Berlin, 25 October: 02:00 to 03:00 comes twice -------------------------------------------------------
    (BERLIN, "a fixed time", {"schedule_interval": "0 6 * * *"}, "10-23 12:00", "10-24 04:00 10-25 05:00 10-26 05:00"),
    (BERLIN, "in the fold", {"schedule_interval": "30 2 * * *"}, "10-23 12:00", "10-24 00:30 10-25 00:30 10-26 01:30"),
    (
        BERLIN,
        "every 30 minutes",
        {"schedule_interval": "*/30 * * * *"},
        "10-24 23:30",
        "10-25 00:00 10-25 00:30 10-25 01:00 10-25 01:30 10-25 02:00",
    ),
    (
        BERLIN,
        "every 15 minutes of the hour that comes twice",
        {"schedule_interval": "*/15 2 * * *"},
        "10-24 12:00",
        "10-25 00:00 10-25 00:15 10-25 00:30 10-25 00:45 10-25 01:00 10-25 01:15 10-25 01:30 10-25 01:45 10-26 01:00",
    ),
    (
        BERLIN,
        "hourly",
        {"schedule_interval": "@hourly"},
        "10-24 23:00",
        "10-25 00:00 10-25 01:00 10-25 02:00 10-25 03:00",
    ),
    (
        BERLIN,
        "an interval of a day",
        {"interval_seconds": 86400, "start_time": "2026-10-24 06:00:00"},
        "10-24 04:00",
        "10-25 04:00 10-26 04:00",
    ),
    (
        BERLIN,
        "an interval of 30 minutes",
        {"interval_seconds": 1800, "start_time": "2026-10-25 00:10:00"},
        "10-24 23:55",
        "10-25 00:10 10-25 00:40 10-25 01:10 10-25 01:40",
    ),
    # --- New York, 8 March: there is no 02:00 to 03:00 ----------------------------------------------------------
    (
        NEW_YORK,
        "a fixed time",
        {"schedule_interval": "0 6 * * *"},
        "03-07 00:00",
        "03-07 11:00 03-08 10:00 03-09 10:00",
    ),
    (NEW_YORK, "in the gap", {"schedule_interval": "30 2 * * *"}, "03-07 00:00", "03-07 07:30 03-08 07:00 03-09 06:30"),
    (
        NEW_YORK,
        "every 30 minutes",
        {"schedule_interval": "*/30 * * * *"},
        "03-08 06:00",
        "03-08 06:30 03-08 07:00 03-08 07:30 03-08 08:00",
    ),
    (
        NEW_YORK,
        "every 15 minutes of the hour that is skipped",
        {"schedule_interval": "*/15 2 * * *"},
        "03-07 07:30",
        "03-07 07:45 03-09 06:00 03-09 06:15 03-09 06:30 03-09 06:45",
    ),
    (
        NEW_YORK,
        "an interval of a day",
        {"interval_seconds": 86400, "start_time": "2026-03-07 06:00:00"},
        "03-07 00:00",
        "03-07 11:00 03-08 11:00 03-09 11:00",
    ),
    (
        NEW_YORK,
        "an interval of 15 minutes",
        {"interval_seconds": 900, "start_time": "2026-03-08 01:40:00"},
        "03-08 06:00",
        "03-08 06:40 03-08 06:55 03-08 07:10 03-08 07:25",
    ),
    # --- New York, 1 November: 01:00 to 02:00 comes twice -----------------------------------------------------
    (
        NEW_YORK,
        "a fixed time",
        {"schedule_interval": "0 6 * * *"},
        "10-31 00:00",
        "10-31 10:00 11-01 11:00 11-02 11:00",
    ),
    (
        NEW_YORK,
        "in the fold",
        {"schedule_interval": "30 1 * * *"},
        "10-31 00:00",
        "10-31 05:30 11-01 05:30 11-02 06:30",
    ),
    (
        NEW_YORK,
        "every 30 minutes",
        {"schedule_interval": "*/30 * * * *"},
        "11-01 04:30",
        "11-01 05:00 11-01 05:30 11-01 06:00 11-01 06:30 11-01 07:00",
    ),
    (
        NEW_YORK,
        "every 15 minutes of the hour that comes twice",
        {"schedule_interval": "*/15 1 * * *"},
        "11-01 00:00",
        "11-01 05:00 11-01 05:15 11-01 05:30 11-01 05:45 11-01 06:00 11-01 06:15 11-01 06:30 11-01 06:45 11-02 06:00",
    ),
    (
        NEW_YORK,
        "an interval of a day",
        {"interval_seconds": 86400, "start_time": "2026-10-31 06:00:00"},
        "10-31 00:00",
        "10-31 10:00 11-01 10:00 11-02 10:00",
    ),
    # --- Lord Howe, 5 April there: 01:30 to 02:00 comes twice -------------------------------------------------
    (
        LORD_HOWE,
        "a fixed time",
        {"schedule_interval": "0 6 * * *"},
        "04-03 12:00",
        "04-03 19:00 04-04 19:30 04-05 19:30",
    ),
    (
        LORD_HOWE,
        "in the fold",
        {"schedule_interval": "45 1 * * *"},
        "04-03 12:00",
        "04-03 14:45 04-04 14:45 04-05 15:15",
    ),
    (
        LORD_HOWE,
        "every 30 minutes",
        {"schedule_interval": "*/30 * * * *"},
        "04-04 13:30",
        "04-04 14:00 04-04 14:30 04-04 15:00 04-04 15:30 04-04 16:00",
    ),
    (
        LORD_HOWE,
        "every 15 minutes of the hour whose end comes twice",
        {"schedule_interval": "*/15 1 * * *"},
        "04-04 00:00",
        "04-04 14:00 04-04 14:15 04-04 14:30 04-04 14:45 04-04 15:00 04-04 15:15 04-05 14:30",
    ),
    (LORD_HOWE, "hourly", {"schedule_interval": "@hourly"}, "04-04 13:00", "04-04 14:00 04-04 15:30 04-04 16:30"),
    (
        LORD_HOWE,
        "an interval of a day",
        {"interval_seconds": 86400, "start_time": "2026-04-04 06:00:00"},
        "04-03 12:00",
        "04-03 19:00 04-04 19:00 04-05 19:00",
    ),
    # --- Lord Howe, 4 October there: there is no 02:00 to 02:30 --------------------------------------------------
    (
        LORD_HOWE,
        "a fixed time",
        {"schedule_interval": "0 6 * * *"},
        "10-02 12:00",
        "10-02 19:30 10-03 19:00 10-04 19:00",
    ),
    (
        LORD_HOWE,
        "in the gap",
        {"schedule_interval": "15 2 * * *"},
        "10-02 12:00",
        "10-02 15:45 10-03 15:30 10-04 15:15",
    ),
    (
        LORD_HOWE,
        "every 30 minutes",
        {"schedule_interval": "*/30 * * * *"},
        "10-03 14:30",
        "10-03 15:00 10-03 15:30 10-03 16:00 10-03 16:30",
    ),
    (
        LORD_HOWE,
        "every 15 minutes of the hour whose begin is skipped",
        {"schedule_interval": "*/15 2 * * *"},
        "10-02 16:00",
        "10-02 16:15 10-03 15:30 10-03 15:45 10-04 15:00 10-04 15:15",
    ),
    (LORD_HOWE, "hourly", {"schedule_interval": "@hourly"}, "10-03 13:30", "10-03 14:30 10-03 16:00 10-03 17:00"),
    (
        LORD_HOWE,
        "an interval of 30 minutes",
        {"interval_seconds": 1800, "start_time": "2026-10-04 01:20:00"},
        "10-03 14:00",
        "10-03 14:50 10-03 15:20 10-03 15:50 10-03 16:20",
    ),
]


def instant(text: str) -> datetime:
    return datetime.strptime(f"2026-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=UTC)


def instants(text: str) -> list[datetime]:
    words = text.split()
    return [instant(" ".join(pair)) for pair in zip(words[::2], words[1::2], strict=True)]


@pytest.mark.parametrize(
    ("zone", "settings", "after", "expected"),
    [
        pytest.param(zone, settings, after, expected, id=f"{zone} {after[:2]} {what}")
        for zone, what, settings, after, expected in TABLE
    ],
)
def test_ticks_around_a_change_of_the_clock(zone: str, settings: dict[str, Any], after: str, expected: str):
    schedule = parse_schedule({"timezone": zone, **settings})
    wanted = instants(expected)
    assert next_ticks(schedule, instant(after), len(wanted)) == wanted
    # Asked backwards, the same ticks are there, and none between them.
    for early, late in itertools.pairwise(wanted):
        assert previous_at_or_before(schedule, late) == late
        assert previous_at_or_before(schedule, late - timedelta(microseconds=1)) == early
        assert next_after(schedule, late - timedelta(microseconds=1)) == late


def test_the_table_has_both_changes_of_each_zone_for_cron_and_interval():
    found = {(zone, after[:2] < "07", "interval_seconds" in settings) for zone, _, settings, after, _ in TABLE}
    assert found == {
        (zone, early, interval)
        for zone in (BERLIN, NEW_YORK, LORD_HOWE)
        for early in (True, False)
        for interval in (True, False)
    }
