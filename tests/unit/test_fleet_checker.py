"""The fleet's checker catches each breach: a sound history passes, and each fabricated fault in it is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.fleet.checker import PROMISES, check
from support.fleet.history import History, Seen
from support.fleet.project import Schedule
from support.fleet.words import Word

T = 1_000_000
GRACE = 2.0


def word(event, at, attempt, block="p_a", run="r1", **more):
    return Word(event, at, run, block, more.get("index"), attempt, more.get("pid", 50), "token")


def run_row(id="r1", **more):
    row = {"pipeline": "p", "status": "succeeded", "epoch": 1, "trigger_id": None, "logical_at": None}
    times = {"created_at": T, "started_at": T, "ended_at": T + 20, "cancel_requested_at": None, "open_block_runs": 0}
    return {"id": id, **row, **times, **more}


def block_row(id="b1", **more):
    row = {"run_id": "r1", "block": "p_a", "map_index": -1, "kind": "block", "status": "succeeded", "epoch": 1}
    counts = {"attempts": 1, "waiting_on": 0, "open_instances": 0, "failures": 0, "losses": 0, "callback_key": ""}
    return {"id": id, **row, **counts, "error": None, "ended_at": T + 20, **more}


def attempt_row(id, number=1, **more):
    row = {"run_id": "r1", "block_run_id": "b1", "block": "p_a", "map_index": -1, "number": number, "epoch": 1}
    row |= {"status": "succeeded", "member_id": "m1", "term": 1, "exit_reason": "success", "error": None}
    return {"id": id, **row, "started_at": T + number * 10 - 10, "ended_at": T + number * 10 - 5, **more}


def lost(id, number=1, **more):
    error = {"type": "lost", "message": "the scheduler on h that ran it is gone"}
    return attempt_row(id, number, status="lost", exit_reason="lost", error=error, **more)


def member(id="m1", **more):
    return {
        "id": id,
        "role": "scheduler",
        "term": 1,
        "pid": 7,
        "started_at": T - 5,
        "expires_at": T + 3,
        "ended_at": T + 5,
        **more,
    }


GAP = {"trigger_id": "trigger", "kind": "missed", "first_at": T + 2, "last_at": T + 2, "ticks": 1, "reason": "late"}


@pytest.fixture
def sound() -> History:
    """One run asked for, whose block a was lost with its scheduler and went again; block b follows; three ticks."""
    tick_runs = [run_row(f"t{at}", pipeline="ticking", trigger_id="trigger", logical_at=float(at)) for at in (T, T + 4)]
    return History(
        runs=[run_row(), *tick_runs],
        block_runs=[
            block_row(attempts=2),
            block_row("b2", block="p_b"),
            *(block_row(f"b-{run['id']}", run_id=run["id"], block="tick", attempts=0) for run in tick_runs),
        ],
        attempts=[
            lost("one", ended_at=T + 5),
            attempt_row("two", 2, member_id="m2"),
            attempt_row("three", block_run_id="b2", block="p_b", member_id="m2", started_at=T + 16, ended_at=T + 18),
        ],
        members=[member(), member("m2", term=2, pid=8, expires_at=T + 90, ended_at=None)],
        lost_ticks=[GAP],
        triggers=[{"id": "trigger", "pipeline": "ticking", "name": "each two", "next_due_at": None}],
        keys=[{"scope": "pipeline:p", "key": "k", "run_id": "r1"}],
        words=[
            word("start", T + 1, "one"),
            word("start", T + 11, "two"),
            word("finish", T + 14, "two"),
            word("start", T + 16.5, "three", "p_b"),
            word("finish", T + 17, "three", "p_b"),
        ],
        schedules=[Schedule("ticking", "each two", "latest", T, T + 4, 2)],
        seen=[Seen("r1", 1, 0), Seen("r1", 1, 1), Seen("r1", 1, 2)],
        asked={"k": "r1"},
        upstream={"p_a": [], "p_b": ["p_a"], "tick": []},
        grace=GRACE,
        faults_over=T + 15,
        bound=60,
    )


def change(rows, id, **more):
    """Return the rows with one of them changed."""
    assert any(row["id"] == id for row in rows)
    return [{**row, **more} if row["id"] == id else row for row in rows]


def without(rows, id):
    return [row for row in rows if row["id"] != id]


def test_a_sound_history_has_no_breach(sound):
    assert check(sound) == []


ERROR = {"type": "ValueError", "message": "no"}
FAULTS = {
    "lost tick": (lambda h: {"runs": without(h.runs, f"t{T}")}, "I1: ticking/each two lost the tick"),
    "doubled tick": (
        lambda h: {"runs": [*h.runs, {**h.runs[1], "id": "again"}]},
        "I1: ticking/each two has 2 runs and 0 gaps",
    ),
    "a tick that is a run and a gap": (
        lambda h: {"lost_ticks": [{**h.lost_ticks[0], "first_at": T, "ticks": 2}]},
        "has 1 runs and 1 gaps",
    ),
    "a gap that counts wrong": (lambda h: {"lost_ticks": [{**h.lost_ticks[0], "ticks": 3}]}, "gap of 3 ticks where 1"),
    "a run at no tick": (
        lambda h: {"runs": change(h.runs, f"t{T + 4}", logical_at=float(T + 3))},
        f"has a run for {T + 3}.0, which is no tick",
    ),
    "a schedule that went": (lambda h: {"triggers": []}, "I1: the schedule ticking/each two is not there"),
    "a request that is lost": (lambda h: {"asked": {"k": "r1", "l": "r9"}}, "run r9, which is lost"),
    "a request that made two": (lambda h: {"runs": [*h.runs, run_row("r2")]}, "run r2 was made by no request"),
    "a key of another run": (lambda h: {"keys": [{**h.keys[0], "run_id": "r2"}]}, "stands for r2"),
    "a block run twice": (lambda h: {"block_runs": [*h.block_runs, block_row("b9", block="p_b")]}, "has 2 block runs"),
    "a number left out": (lambda h: {"attempts": change(h.attempts, "two", number=3)}, "I2: attempts of p_a"),
    "a count that is wrong": (lambda h: {"block_runs": change(h.block_runs, "b1", attempts=1)}, "and it counts 1"),
    "epochs that shrink": (lambda h: {"attempts": change(h.attempts, "one", epoch=2)}, "are of epochs [2, 1]"),
    "two successes": (
        lambda h: {"attempts": change(h.attempts, "one", status="succeeded")},
        "I2: p_a of run r1 succeeded twice",
    ),
    "attempts that overlap": (
        lambda h: {"attempts": change(h.attempts, "two", started_at=T + 4)},
        "attempt 2 of p_a of run r1 began 1.000 s before the end of the one before",
    ),
    "a state that went back": (lambda h: {"seen": [*h.seen, Seen("r1", 1, 1)]}, "I2: run r1 went back"),
    "an end that was taken back": (
        lambda h: {"seen": [Seen("r1", 2, 0)]},
        "I2: run r1 went back from (2, 0) to (1, 2)",
    ),
    "a run that is stuck": (lambda h: {"runs": change(h.runs, "r1", status="running")}, "I3: run r1 of p is stuck"),
    "a run that ended late": (lambda h: {"bound": 1.0}, "I3: run r1 ended 5 s after the last fault"),
    "a count that stays": (lambda h: {"runs": change(h.runs, "r1", open_block_runs=1)}, "counts 1 open block runs"),
    "a block that is open": (
        lambda h: {"block_runs": change(h.block_runs, "b2", status="running")},
        "I3: the run ended and p_b of run r1 is running",
    ),
    "an attempt that is open": (lambda h: {"attempts": change(h.attempts, "three", ended_at=None)}, "has not ended"),
    "code that began twice": (lambda h: {"words": [*h.words, word("start", T + 2, "one")]}, "began 2 times"),
    "code without a row": (lambda h: {"words": [*h.words, word("start", T + 2, "ghost")]}, "ghost, which has no row"),
    "code of another block": (
        lambda h: {"words": [replace(one, block="p_c") if one.attempt == "three" else one for one in h.words]},
        "ran the code of p_c",
    ),
    "a row without a start": (
        lambda h: {"words": [one for one in h.words if one.attempt != "three" or one.event != "start"]},
        "I4: attempt 1 of p_b of run r1 has no start",
    ),
    "a word after the end": (
        lambda h: {"words": [*h.words, word("finish", T + 12, "one")]},
        "I4: attempt 1 of p_a of run r1 (lost) said finish 7.00 s after its end",
    ),
    "a successor that was there first": (
        lambda h: {"words": [replace(one, at=T + 3) if one.at == T + 11 else one for one in h.words]},
        "I4: attempt 2 of p_a of run r1 began before the end of the one before",
    ),
    "a lease that was not kept": (
        lambda h: {"attempts": change(h.attempts, "one", ended_at=T + 3.5), "frozen": {7: [(T + 1.0, T + 9.0)]}},
        "I4: scheduler 7 was frozen, and its attempt one was taken 0.50 s after its lease",
    ),
    "a rescue from the living": (
        lambda h: {"members": change(h.members, "m1", ended_at=None)},
        "was taken from a member that lives",
    ),
    "an attempt of nobody": (lambda h: {"members": without(h.members, "m1")}, "belongs to no member"),
    "a success that never finished": (
        lambda h: {"words": [one for one in h.words if one.attempt != "three" or one.event != "finish"]},
        "I5: attempt 1 of p_b of run r1 succeeded and its code never finished",
    ),
    "a failure without a cause": (
        lambda h: {"attempts": change(h.attempts, "one", exit_reason="error", status="failed", error=ERROR)},
        "failed without a cause: ValueError: no",
    ),
    "a success after a loss": (
        lambda h: {"attempts": change(h.attempts, "two", status="lost", exit_reason="lost", error=ERROR)},
        "I5: p_a of run r1 succeeded, and its last attempt lost",
    ),
    "a run better than its blocks": (
        lambda h: {"block_runs": change(h.block_runs, "b2", status="cancelled")},
        "I5: run r1 succeeded with blocks",
    ),
    "a run worse than its blocks": (
        lambda h: {"runs": change(h.runs, "r1", status="failed")},
        "I5: run r1 failed with",
    ),
    "a cancel by nobody": (lambda h: {"runs": change(h.runs, "r1", status="cancelled")}, "nobody asked for it"),
    "a block that had to succeed": (
        lambda h: {
            "runs": change(h.runs, "r1", status="failed"),
            "block_runs": change(h.block_runs, "b2", status="failed", error=ERROR),
        },
        "I5: p_b of run r1 of a p run failed: ValueError: no",
    ),
    "a block out of order": (
        lambda h: {"words": [replace(one, at=T + 12) if one.at == T + 16.5 else one for one in h.words]},
        "I5: p_b of run r1 began before p_a had finished",
    ),
    "a process left": (lambda h: {"living": ["process 9"]}, "I6: left alive: process 9"),
    "a broken pipeline that ran": (
        lambda h: {"runs": [*h.runs, run_row("r3", pipeline="circle", trigger_id="x")]},
        "I8: a pipeline that is a circle has the run r3",
    ),
    "a skip without a reason": (
        lambda h: {"lost_ticks": [{**h.lost_ticks[0], "kind": "skipped", "reason": ""}]},
        "I8: ticks were skipped without a reason",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named(sound, name):
    fabricate, words = FAULTS[name]
    found = check(replace(sound, **fabricate(sound)))
    assert any(words in one for one in found), found


def test_every_promise_of_the_checker_has_its_fault(sound):
    """A promise that nothing here breaks could be empty."""
    broken = set()
    for fabricate, _ in FAULTS.values():
        history = replace(sound, **fabricate(sound))
        broken |= {promise.__name__ for promise in PROMISES if list(promise(history))}
    assert broken == {promise.__name__ for promise in PROMISES}


def test_a_frozen_scheduler_may_have_code_beside_its_successors(sound):
    late = [*sound.words, word("finish", T + 12, "one")]
    assert check(replace(sound, words=late, frozen={7: [(T + 1.0, T + 13.0)]})) == []
    assert check(replace(sound, words=late, parent_frozen=frozenset({7}))) == []
    assert check(replace(sound, words=late, frozen={8: [(T + 1.0, T + 13.0)]})) != []


def test_one_that_is_not_frozen_may_leave_at_any_time(sound):
    assert check(replace(sound, members=change(sound.members, "m1", ended_at=T + 2.0))) == []


def test_of_many_breaches_the_first_are_shown_and_the_others_counted(sound):
    found = check(replace(sound, living=[f"process {number}" for number in range(30)]))
    assert len(found) == 13
    assert "18 more" in found[-1]
