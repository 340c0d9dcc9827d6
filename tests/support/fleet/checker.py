"""The engine's promises, checked over a history; pure. Each breach is a sentence that begins with the promise's number.

I7 (a pass costs what is due) is not for a history: tests/integration/test_query_plans.py and test_quiet_pass.py
hold it.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

from support.fleet.history import RANKS, History, Row
from support.fleet.words import Word

RUN_ENDED = frozenset({"succeeded", "failed", "cancelled"})
BLOCK_ENDED = frozenset({"succeeded", "failed", "upstream_failed", "skipped", "cancelled"})
UNHEARD = frozenset({"lost", "drained", "cancelled", "evicted"})
"""Endings by the platform: the code of such an attempt may never have begun."""
DISK_WORDS = ("space", "outputnotstored", "could not be stored")
SLACK = 0.25
"""Seconds by which two clocks may differ: the database's time is sampled, the words' is this machine's."""
SHOWN = 12


def check(history: History) -> list[str]:
    """Return every breach; of many of one kind the first ones, and how many there were."""
    found: list[str] = []
    for promise in PROMISES:
        breaches = list(promise(history))
        found += breaches[:SHOWN]
        if len(breaches) > SHOWN:
            found.append(f"… and {len(breaches) - SHOWN} more from {promise.__name__}")
    return found


# --- I1 --------------------------------------------------------------------------------------------------------------
def each_tick_once(history: History) -> Iterator[str]:
    """I1: of each logical time there is one run, or it lies in one recorded gap; and none besides."""
    known = {(row["pipeline"], row["name"]): row for row in history.triggers}
    for schedule in history.schedules:
        trigger = known.get((schedule.pipeline, schedule.name))
        label = f"{schedule.pipeline}/{schedule.name}"
        if trigger is None:
            yield f"I1: the schedule {label} is not there"
            continue
        runs = Counter(
            round(row["logical_at"], 3)
            for row in history.runs
            if row["trigger_id"] == trigger["id"] and row["logical_at"] is not None
        )
        given_up: Counter[float] = Counter()
        for gap in (row for row in history.lost_ticks if row["trigger_id"] == trigger["id"]):
            inside = [at for at in schedule.expected() if gap["first_at"] <= at <= gap["last_at"]]
            given_up.update(inside)
            if gap["kind"] == "missed" and (schedule.catch_up == "all" or len(inside) != gap["ticks"]):
                yield f"I1: {label} ({schedule.catch_up}) has a gap of {gap['ticks']} ticks where {len(inside)} are"
        yield from _compare(label, schedule.expected(), runs, given_up)


def _compare(label: str, expected: list[int], runs: Counter[float], given_up: Counter[float]) -> Iterator[str]:
    for at in expected:
        times = runs[at] + given_up[at]
        if times == 0:
            yield f"I1: {label} lost the tick of {at}"
        elif runs[at] > 1 or times > 1:
            yield f"I1: {label} has {runs[at]} runs and {given_up[at]} gaps for the tick of {at}"
    for at in sorted(set(runs) - set(expected)):
        yield f"I1: {label} has a run for {at}, which is no tick of it"


def each_request_once(history: History) -> Iterator[str]:
    """I1: each request that was accepted made one run, and a repeat of it made no other."""
    rows = {row["id"] for row in history.runs}
    of_key = {row["key"]: row["run_id"] for row in history.keys}
    for key, run in history.asked.items():
        if run not in rows:
            yield f"I1: the request {key} was answered with run {run}, which is lost"
        elif of_key.get(key) != run:
            yield f"I1: the request {key} was answered with run {run} and stands for {of_key.get(key)}"
    by_hand = {row["id"] for row in history.runs if row["trigger_id"] is None}
    for run in sorted(by_hand - set(of_key.values())):
        yield f"I1: run {run} was made by no request"


# --- I2 --------------------------------------------------------------------------------------------------------------
def one_row_for_each_block(history: History) -> Iterator[str]:
    """I2: one block run per key; attempts are 1, 2, 3 …; epochs and terms only grow; one success in an epoch."""
    keys = Counter((row["run_id"], row["block"], row["map_index"], row["callback_key"]) for row in history.block_runs)
    for (run, block, index, _), count in keys.items():
        if count > 1:
            yield f"I2: {block}[{index}] of run {run} has {count} block runs"
    for row, attempts in _attempts_by_row(history):
        numbers = [attempt["number"] for attempt in attempts]
        if numbers != list(range(1, len(numbers) + 1)) or row["attempts"] != len(numbers):
            yield f"I2: attempts of {_named(row)} are numbered {numbers}, and it counts {row['attempts']}"
        epochs = [attempt["epoch"] for attempt in attempts]
        if epochs != sorted(epochs):
            yield f"I2: attempts of {_named(row)} are of epochs {epochs}"
        good = Counter(attempt["epoch"] for attempt in attempts if attempt["status"] in {"succeeded", "skipped"})
        if any(count > 1 for count in good.values()):
            yield f"I2: {_named(row)} succeeded twice in one epoch"
        for before, after in itertools.pairwise(attempts):
            if before["ended_at"] is None:
                yield f"I2: attempt {after['number']} of {_named(row)} began before the one before it had ended"
            elif (early := before["ended_at"] - after["started_at"]) > SLACK:
                label = f"attempt {after['number']} of {_named(row)}"
                yield f"I2: {label} began {early:.3f} s before the end of the one before"


def no_state_goes_back(history: History) -> Iterator[str]:
    """I2: within an epoch a run goes from queued over running to its end and never back, and epochs only grow."""
    best: dict[str, tuple[int, int]] = {}
    for seen in history.seen:
        now = (seen.epoch, seen.rank)
        if now < best.get(seen.run, now):
            yield f"I2: run {seen.run} went back from {best[seen.run]} to {now} (epoch, 0 queued 1 running 2 ended)"
        best[seen.run] = max(now, best.get(seen.run, now))
    for row in history.runs:
        now = (row["epoch"], RANKS[row["status"]])
        if now < best.get(row["id"], now):
            yield f"I2: run {row['id']} went back from {best[row['id']]} to {now}"


# --- I3 --------------------------------------------------------------------------------------------------------------
def everything_ends(history: History) -> Iterator[str]:
    """I3: every run has ended, within the bound after the last fault, and nothing of it is open."""
    ended = {row["id"] for row in history.runs if row["status"] in RUN_ENDED}
    for row in history.runs:
        if row["id"] not in ended:
            yield f"I3: run {row['id']} of {row['pipeline']} is stuck: {row['status']}"
        elif row["open_block_runs"]:
            yield f"I3: run {row['id']} has ended and counts {row['open_block_runs']} open block runs"
        elif row["ended_at"] > history.faults_over + history.bound and row["created_at"] < history.faults_over:
            late = row["ended_at"] - history.faults_over
            yield f"I3: run {row['id']} ended {late:.0f} s after the last fault (bound {history.bound:g})"
    for row, attempts in _attempts_by_row(history):
        if row["run_id"] in ended and row["status"] not in BLOCK_ENDED:
            yield f"I3: the run ended and {_named(row)} is {row['status']}"
        for attempt in attempts:
            if attempt["ended_at"] is None:
                yield f"I3: attempt {attempt['number']} of {_named(row)} has not ended"


# --- I4 --------------------------------------------------------------------------------------------------------------
def each_attempt_starts_once(history: History) -> Iterator[str]:
    """I4: an attempt's code begins at most once, and each that began has its row: starts = rows that started."""
    rows = {row["id"]: row for row in history.block_runs}
    attempts = {attempt["id"]: attempt for attempt in history.attempts}
    starts = Counter(
        (word.attempt, word.block, word.map_index, word.run) for word in history.words if word.event == "start"
    )
    for (attempt, block, index, run), count in starts.items():
        row = rows.get(attempts[attempt]["block_run_id"]) if attempt in attempts else None
        if row is None or attempts[attempt]["run_id"] != run:
            yield f"I4: {block} of run {run} began in attempt {attempt}, which has no row"
        elif row["kind"] != "pipeline" and (row["block"], row["map_index"]) != (block, -1 if index is None else index):
            yield f"I4: attempt {attempt} of {_named(row)} ran the code of {block}[{index}]"
        elif count > 1:
            yield f"I4: attempt {attempt} of {block}[{index}] began {count} times"
    begun = {attempt for attempt, *_ in starts}
    for attempt in history.attempts:
        if attempt["id"] not in begun and not _may_lack_a_start(history, attempt, rows):
            label = f"attempt {attempt['number']} of {_named(rows[attempt['block_run_id']])}"
            yield f"I4: {label} has no start ({attempt['exit_reason']}: {_error(attempt)})"


def _may_lack_a_start(history: History, attempt: Row, rows: dict[str, Row]) -> bool:
    """An attempt without a start: ended by the platform, killed by us, refused by a full disk, or of a broken file."""
    text = _error(attempt).lower()
    if attempt["exit_reason"] in UNHEARD or attempt["ended_at"] is None:
        return True
    broken = rows[attempt["block_run_id"]]["block"].startswith("syntax_") and "syntaxerror" in text
    killed = "sigkill" in text and bool(history.killed)
    full = history.disk_was_full and any(word in text for word in DISK_WORDS)
    return attempt["exit_reason"] == "error" and (broken or killed or full)


def no_successor_too_soon(history: History) -> Iterator[str]:
    """I4: a successor begins after its predecessor's confirmed end, or its owner's lease and the grace; and the
    predecessor says nothing more then, unless its owner was frozen."""
    members = {row["id"]: row for row in history.members}
    said: dict[str, list[Word]] = defaultdict(list)
    for word in history.words:
        said[word.attempt].append(word)
    for row, attempts in _attempts_by_row(history):
        for attempt in attempts:
            owner = members.get(attempt["member_id"])
            if owner is None:
                yield f"I2: attempt {attempt['number']} of {_named(row)} belongs to no member"
                continue
            if attempt["ended_at"] is None:
                continue
            yield from _ended_in_time(history, row, attempt, owner)
            frozen = owner["pid"] in history.frozen or owner["pid"] in history.parent_frozen
            late = [word for word in said[attempt["id"]] if word.at > attempt["ended_at"] + SLACK]
            if late and not frozen:
                by = late[-1].at - attempt["ended_at"]
                yield (
                    f"I4: attempt {attempt['number']} of {_named(row)} ({attempt['exit_reason']}) said {late[-1].event}"
                    f" {by:.2f} s after its end"
                )
        for before, after in itertools.pairwise(attempts):
            began = min((word.at for word in said[after["id"]] if word.event == "start"), default=None)
            if began is not None and before["ended_at"] is not None and began < before["ended_at"] - SLACK:
                yield f"I4: attempt {after['number']} of {_named(row)} began before the end of the one before"


def _ended_in_time(history: History, row: Row, attempt: Row, owner: Row) -> Iterator[str]:
    """A rescue comes after the owner's end, and that after its lease and the grace, unless it left by itself."""
    if attempt["exit_reason"] != "lost" or "is gone" not in _error(attempt):
        return
    if owner["ended_at"] is None or owner["ended_at"] > attempt["ended_at"] + SLACK:
        yield f"I4: attempt {attempt['number']} of {_named(row)} was taken from a member that lives"


def leases_are_kept(history: History) -> Iterator[str]:
    """I4: nobody takes the work of a frozen scheduler before its lease and the grace have passed.

    One that is not frozen may have left by itself, or its supervisor has seen it die and ended its processes; of
    those the words of their blocks say whether it was too soon.
    """
    members = {row["id"]: row for row in history.members}
    for attempt in history.attempts:
        owner, ended = members.get(attempt["member_id"]), attempt["ended_at"]
        if owner is None or ended is None or attempt["exit_reason"] != "lost" or "is gone" not in _error(attempt):
            continue
        late = ended - owner["expires_at"]
        frozen = any(began + SLACK < ended < over for began, over in history.frozen.get(owner["pid"], ()))
        if frozen and late < history.grace - SLACK:
            yield (
                f"I4: scheduler {owner['pid']} was frozen, and its attempt {attempt['id']} was taken {late:.2f} s "
                f"after its lease; the grace is {history.grace:g} s"
            )


# --- I5 --------------------------------------------------------------------------------------------------------------
def results_are_their_own(history: History) -> Iterator[str]:
    """I5: what succeeded has run to its end by its own word; what failed has a reason that its code or we gave."""
    finished = {(word.attempt, word.block) for word in history.words if word.event == "finish"}
    raised = {word.attempt for word in history.words if word.event == "raise"}
    for row, attempts in _attempts_by_row(history):
        for attempt in attempts:
            good = attempt["status"] in {"succeeded", "deferred"}
            if good and row["kind"] != "pipeline" and (attempt["id"], row["block"]) not in finished:
                yield f"I5: attempt {attempt['number']} of {_named(row)} succeeded and its code never finished"
            if attempt["exit_reason"] == "error" and attempt["id"] not in raised and not _known(history, attempt):
                yield f"I5: attempt {attempt['number']} of {_named(row)} failed without a cause: {_error(attempt)}"
        if row["status"] == "succeeded" and attempts and attempts[-1]["status"] != "succeeded":
            yield f"I5: {_named(row)} succeeded, and its last attempt {attempts[-1]['status']}"


def _known(history: History, attempt: Row) -> bool:
    text = _error(attempt).lower()
    killed = "sigkill" in text and bool(history.killed)
    full = history.disk_was_full and any(word in text for word in DISK_WORDS)
    return killed or full or "syntaxerror" in text


def runs_follow_from_blocks(history: History) -> Iterator[str]:
    """I5: a run's end follows from its blocks', and what nobody cancelled and nothing broke has succeeded."""
    by_run: dict[str, list[Row]] = defaultdict(list)
    for row in history.block_runs:
        by_run[row["run_id"]].append(row)
    for run in history.runs:
        rows = [row for row in by_run[run["id"]] if row["kind"] in {"block", "pipeline"}]
        statuses = {row["status"] for row in rows}
        bad = bool(statuses & {"failed", "upstream_failed"})
        if run["status"] == "succeeded" and (bad or "cancelled" in statuses or not rows):
            yield f"I5: run {run['id']} succeeded with blocks {sorted(statuses)}"
        if run["status"] == "failed" and not bad:
            yield f"I5: run {run['id']} failed with blocks {sorted(statuses)}"
        if run["status"] == "cancelled" and run["cancel_requested_at"] is None:
            yield f"I5: run {run['id']} was cancelled and nobody asked for it"
        for row in rows:
            if row["status"] == "failed" and not _may_fail(history, run, row):
                yield f"I5: {_named(row)} of a {run['pipeline']} run failed: {_error(row)}"


def _may_fail(history: History, run: Row, row: Row) -> bool:
    text = _error(row).lower()
    full = history.disk_was_full and any(word in text for word in DISK_WORDS)
    killed = "sigkill" in text and bool(history.killed)
    return run["pipeline"] in {"failing", "syntax"} or full or killed or "given up after" in text


def blocks_in_order(history: History) -> Iterator[str]:
    """I5: a block begins after all above it have finished; looked at where there is one epoch."""
    first: dict[tuple[str, str], float] = {}
    last: dict[tuple[str, str], float] = {}
    for word in history.words:
        if word.event == "start":
            first.setdefault((word.run, word.block), word.at)
    # By the successful attempts alone: one that was lost may say that it has finished, and it does not count.
    good = {attempt["id"] for attempt in history.attempts if attempt["status"] == "succeeded"}
    for word in history.words:
        if word.event == "finish" and word.attempt in good:
            last[word.run, word.block] = word.at
    units = {row["run_id"] for row in history.block_runs if row["kind"] == "pipeline"}
    for run in history.runs:
        for block, above in history.upstream.items() if run["epoch"] == 1 and run["id"] not in units else ():
            began = first.get((run["id"], block))
            for one in above if began is not None else ():
                if last.get((run["id"], one), float("inf")) > (began or 0.0) + SLACK:
                    yield f"I5: {block} of run {run['id']} began before {one} had finished"


# --- I6, I8 ----------------------------------------------------------------------------------------------------------
def nothing_is_left(history: History) -> Iterator[str]:
    """I6: no process of the fleet lives on."""
    for text in history.living:
        yield f"I6: left alive: {text}"


def broken_ones_stop_alone(history: History) -> Iterator[str]:
    """I8: a pipeline that cannot be read makes no run, and its ticks are recorded as skipped, for a reason."""
    for row in history.runs:
        if row["pipeline"] == "circle":
            yield f"I8: a pipeline that is a circle has the run {row['id']}"
        if row["pipeline"] == "syntax" and row["status"] == "succeeded":
            yield f"I8: a block that cannot be read succeeded in run {row['id']}"
    for gap in history.lost_ticks:
        if gap["kind"] == "skipped" and not gap["reason"]:
            yield f"I8: ticks were skipped without a reason at {gap['first_at']}"


def _attempts_by_row(history: History) -> Iterator[tuple[Row, list[Row]]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for attempt in history.attempts:
        found[attempt["block_run_id"]].append(attempt)
    for row in history.block_runs:
        yield row, sorted(found[row["id"]], key=lambda attempt: attempt["number"])


def _named(row: Row) -> str:
    index = "" if row["map_index"] == -1 else f"[{row['map_index']}]"
    return f"{row['block'] or 'the pipeline'}{index} of run {row['run_id']}"


def _error(row: Row) -> str:
    error = row["error"] or {}
    return f"{error.get('type')}: {error.get('message')}"


PROMISES: tuple[Callable[[History], Iterator[str]], ...] = (
    each_tick_once,
    each_request_once,
    one_row_for_each_block,
    no_state_goes_back,
    everything_ends,
    each_attempt_starts_once,
    no_successor_too_soon,
    leases_are_kept,
    results_are_their_own,
    runs_follow_from_blocks,
    blocks_in_order,
    nothing_is_left,
    broken_ones_stop_alone,
)
