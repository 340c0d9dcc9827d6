"""What a due schedule runs, gives up and does next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock_runtime.domain.due_ticks import COUNTED, DueTick, Missed, due_tick, jitter
from penstock_runtime.domain.schedules import Schedule, first_due, next_ticks, parse_schedule

T = "trigger-1"


def at(text: str) -> datetime:
    return datetime.strptime(f"2026-03-{text}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)


def hourly(**settings: object) -> Schedule:
    return parse_schedule({"schedule_interval": "@hourly", **settings})


class TestCatchUp:
    @pytest.mark.parametrize(
        ("catch_up", "now", "tick", "missed", "following"),
        [
            # On time, each of them.
            ("latest", "04 06:00:00", "04 06:00:00", None, "04 07:00:00"),
            ("none", "04 06:01:00", "04 06:00:00", None, "04 07:00:00"),
            ("all", "04 06:00:00", "04 06:00:00", None, "04 07:00:00"),
            # Late, with no other tick in between: only `none` gives it up, beyond the grace of a minute.
            ("latest", "04 06:59:59", "04 06:00:00", None, "04 07:00:00"),
            ("none", "04 06:01:01", None, ("04 06:00:00", "04 06:00:00", 1), "04 07:00:00"),
            # Three have passed.
            ("latest", "04 08:30:00", "04 08:00:00", ("04 06:00:00", "04 07:00:00", 2), "04 09:00:00"),
            ("none", "04 08:00:30", "04 08:00:00", ("04 06:00:00", "04 07:00:00", 2), "04 09:00:00"),
            ("none", "04 08:30:00", None, ("04 06:00:00", "04 08:00:00", 3), "04 09:00:00"),
            ("all", "04 08:30:00", "04 06:00:00", None, "04 07:00:00"),
        ],
    )
    def test_which_tick_runs_and_which_are_missed(self, catch_up, now, tick, missed, following):
        found = due_tick(hourly(catch_up=catch_up), T, at("04 06:00:00"), at(now))
        assert found.tick_at == (None if tick is None else at(tick))
        assert found.missed == (None if missed is None else Missed(at(missed[0]), at(missed[1]), missed[2]))
        assert found.next_tick_at == at(following)

    def test_all_follow_at_the_rate_and_then_on_time(self):
        schedule = hourly(catch_up="all", catch_up_per_minute=12)
        now, tick, due, made = at("04 08:30:00"), at("04 06:00:00"), at("04 06:00:00"), []
        while due <= now:
            found = due_tick(schedule, T, tick, now)
            made.append((found.tick_at, now))
            tick, due = found.next_tick_at, found.next_due_at
            now = max(now, min(due, now + timedelta(minutes=1)))
        assert [(one.hour, moment) for one, moment in made] == [
            (6, at("04 08:30:00")),
            (7, at("04 08:30:05")),
            (8, at("04 08:30:10")),
        ]
        assert (tick, due) == (at("04 09:00:00"), at("04 09:00:00"))

    def test_a_rate_below_the_schedules_own_pace_still_catches_up(self):
        often = parse_schedule({"interval_seconds": 4, "catch_up": "all", "catch_up_per_minute": 1})
        found = due_tick(often, T, at("04 06:00:00"), at("04 06:10:00"))
        assert found.next_due_at == at("04 06:10:02")

    def test_the_grace_is_never_below_what_a_scheduler_needs_to_be_replaced(self):
        schedule = hourly(catch_up="none", grace_seconds=5)
        late = at("04 06:00:15")
        assert due_tick(schedule, T, at("04 06:00:00"), late).tick_at is None
        found = due_tick(schedule, T, at("04 06:00:00"), late, least_grace_seconds=15)
        assert found.tick_at == at("04 06:00:00")

    def test_an_initial_run_is_never_too_late(self):
        schedule = hourly(catch_up="none", create_initial_pipeline_run=True)
        assert due_tick(schedule, T, at("04 06:00:00"), at("04 06:40:00"), initial=True).tick_at == at("04 06:00:00")

    def test_once_runs_however_late_and_never_again(self):
        once = parse_schedule({"schedule_interval": "@once", "start_time": "2026-03-04 06:00:00"})
        assert due_tick(once, T, at("04 06:00:00"), at("09 06:00:00")) == DueTick(at("04 06:00:00"), None, None, None)

    @pytest.mark.parametrize("catch_up", ["latest", "none", "all"])
    def test_the_last_tick_of_a_schedule_is_followed_by_none(self, catch_up: str):
        ending = hourly(catch_up=catch_up, end_time="2026-03-04 06:30:00")
        found = due_tick(ending, T, at("04 06:00:00"), at("04 06:00:00"))
        assert found == DueTick(at("04 06:00:00"), None, None, None)

    def test_long_gaps_are_counted_as_far_as_is_quick(self):
        minutely = parse_schedule({"schedule_interval": "* * * * *"})
        found = due_tick(minutely, T, at("04 06:00:00"), at("08 06:00:00"))
        assert found.missed == Missed(at("04 06:00:00"), at("08 05:59:00"), COUNTED)
        seconds = parse_schedule({"interval_seconds": 60})
        exact = due_tick(seconds, T, at("04 06:00:00"), at("08 06:00:00"))
        assert exact.missed == Missed(at("04 06:00:00"), at("08 05:59:00"), 4 * 24 * 60)


class TestJitter:
    def test_none_unless_asked_for(self):
        assert jitter(hourly(), T, at("04 06:00:00")) == timedelta(0)

    def test_it_is_the_same_for_everyone_and_differs_by_trigger_and_tick(self):
        schedule = hourly(jitter_seconds=600)
        ticks = next_ticks(schedule, at("04 00:00:00"), 200)
        found = [jitter(schedule, T, tick) for tick in ticks]
        assert found == [jitter(schedule, T, tick) for tick in ticks]
        assert all(timedelta(0) <= one < timedelta(seconds=600) for one in found)
        assert len(set(found)) == 200
        assert max(found) > timedelta(seconds=540)
        assert min(found) < timedelta(seconds=60)
        assert jitter(schedule, "trigger-2", ticks[0]) != found[0]

    def test_it_never_reaches_the_next_tick(self):
        schedule = parse_schedule({"schedule_interval": "* * * * *", "jitter_seconds": 3600})
        assert all(
            jitter(schedule, T, tick) < timedelta(minutes=1) for tick in next_ticks(schedule, at("04 00:00:00"), 50)
        )

    def test_it_delays_the_making_of_a_run_and_not_its_logical_time(self):
        schedule = hourly(jitter_seconds=600)
        tick = at("04 06:00:00")
        found = due_tick(schedule, T, tick, tick + jitter(schedule, T, tick))
        following = at("04 07:00:00")
        assert (found.tick_at, found.missed, found.next_tick_at) == (tick, None, following)
        assert found.next_due_at == following + jitter(schedule, T, following)

    def test_a_tick_that_still_waits_for_its_jitter_is_not_the_latest(self):
        schedule = hourly(jitter_seconds=3000)
        now = at("04 08:00:00") + jitter(schedule, T, at("04 08:00:00")) - timedelta(seconds=1)
        found = due_tick(schedule, T, at("04 06:00:00"), now)
        assert found.tick_at == at("04 07:00:00")
        assert found.missed == Missed(at("04 06:00:00"), at("04 06:00:00"), 1)
        assert found.next_tick_at == at("04 08:00:00")


class TestBeginning:
    def test_a_schedule_that_becomes_active_begins_with_its_next_tick(self):
        assert first_due(hourly(), at("04 06:20:00")) == at("04 07:00:00")

    def test_or_with_the_one_before_when_it_asks_for_an_initial_run(self):
        assert first_due(hourly(create_initial_pipeline_run=True), at("04 06:20:00")) == at("04 06:00:00")
        begins = hourly(create_initial_pipeline_run=True, start_time="2026-03-05 00:00:00")
        assert first_due(begins, at("04 06:20:00")) == at("05 00:00:00")

    def test_once_and_always_on(self):
        now = at("04 06:20:00")
        assert first_due(parse_schedule({"schedule_interval": "@always_on"}), now) == now
        assert first_due(parse_schedule({"schedule_interval": "@once"}), now) == now
        assert first_due(parse_schedule({"schedule_interval": "@once", "start_time": "2026-03-01"}), now) == at(
            "01 00:00:00"
        )


class TestNextTicks:
    def test_ten_of_a_schedule_that_goes_on(self):
        assert next_ticks(hourly(), at("04 06:00:00"), 10) == [
            at("04 07:00:00") + n * timedelta(hours=1) for n in range(10)
        ]

    def test_fewer_where_it_ends(self):
        assert next_ticks(hourly(end_time="2026-03-04 08:00:00"), at("04 06:00:00"), 10) == [
            at("04 07:00:00"),
            at("04 08:00:00"),
        ]

    def test_once_has_one_and_always_on_none(self):
        once = parse_schedule({"schedule_interval": "@once", "start_time": "2026-03-05 00:00:00"})
        assert next_ticks(once, at("04 06:00:00"), 10) == [at("05 00:00:00")]
        assert next_ticks(once, at("05 00:00:00"), 10) == []
        assert next_ticks(parse_schedule({"schedule_interval": "@always_on"}), at("04 06:00:00"), 10) == []


@pytest.mark.parametrize("rate", [0, -1, "often", True, 6001])
def test_a_rate_that_cannot_be_used_is_named(rate: object):
    from penstock_runtime.domain.errors import InvalidInput

    with pytest.raises(InvalidInput, match="catch_up_per_minute") as refused:
        hourly(catch_up_per_minute=rate)
    assert refused.value.field == "catch_up_per_minute"


def test_equal_settings_of_another_type_are_not_taken_for_each_other():
    assert hourly(create_initial_pipeline_run=True).initial_run
    assert not hourly(create_initial_pipeline_run=1).initial_run
