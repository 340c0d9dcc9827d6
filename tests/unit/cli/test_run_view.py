"""What a run looks like while it goes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import typer
from rich.console import Console

from penstock_runtime.bootstrap.snapshots import BlockSnapshot, RunSnapshot
from penstock_runtime.cli.output import duration_text, plain
from penstock_runtime.cli.run import parse_variables
from penstock_runtime.cli.run_view import LOOKS, follow_plainly, follow_silently, tree_of
from penstock_runtime.domain.runs import BlockRunStatus, RunStatus

START = datetime(2024, 5, 1, 12, 0, 0, tzinfo=UTC)


def block(slug, status, *, upstream=(), seconds=None, **fields):
    ended = None if seconds is None else START + timedelta(seconds=seconds)
    started = None if status is BlockRunStatus.PENDING else START
    return BlockSnapshot(slug, "transformer", status, upstream, started, ended, **fields)


def snapshot(*blocks, status=RunStatus.RUNNING, seconds=1.0, **fields):
    return RunSnapshot("r1", "sales", status, START + timedelta(seconds=seconds), blocks, START, **fields)


def drawn(run):
    console = Console(width=120, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(tree_of(run))
    return capture.get()


def test_each_change_is_one_line_and_the_end_one_more(capsys):
    pending = block("load", BlockRunStatus.PENDING)
    running = block("load", BlockRunStatus.RUNNING)
    done = block("load", BlockRunStatus.SUCCEEDED, seconds=0.25)
    runs = [
        snapshot(pending),
        snapshot(running),
        snapshot(running),
        snapshot(done, status=RunStatus.SUCCEEDED, ended_at=START + timedelta(seconds=0.5)),
    ]
    assert follow_plainly(runs) is runs[-1]
    assert capsys.readouterr().out.splitlines() == [
        "12:00:01 load: running 1.00 s",
        "12:00:01 load: succeeded 0.25 s",
        "sales succeeded in 0.50 s, 1 of 1 blocks succeeded",
    ]


def test_a_failure_shows_its_error(capsys):
    failed = block("load", BlockRunStatus.FAILED, seconds=2, attempts=3, error="ValueError: no rows")
    follow_plainly(
        [snapshot(failed, status=RunStatus.FAILED, ended_at=START + timedelta(seconds=3), error="load failed")]
    )
    out = capsys.readouterr().out
    assert "load: failed 2.00 s (try 3)\nValueError: no rows" in out
    assert "sales failed in 3.00 s, 0 of 1 blocks succeeded: load failed" in out


def test_the_tree_puts_a_block_under_its_deepest_upstream():
    run = snapshot(
        block("a", BlockRunStatus.SUCCEEDED, seconds=1),
        block("b", BlockRunStatus.RUNNING, upstream=("a",)),
        block("c", BlockRunStatus.PENDING, upstream=("a", "b")),
    )
    lines = drawn(run).splitlines()
    assert lines[0].startswith("sales running")
    assert [len(line) - len(line.lstrip("│└├─ ")) for line in lines[1:]] == [4, 8, 12]
    assert "← a" in lines[3]


def test_instances_of_a_mapped_block_are_counted():
    mapped = block("m", BlockRunStatus.RUNNING, instances={"succeeded": 4, "running": 8})
    assert "(4 of 12 instances)" in drawn(snapshot(mapped))


def test_every_status_has_a_look_of_its_own():
    assert set(LOOKS) == set(BlockRunStatus)
    assert len({sign for sign, _ in LOOKS.values()}) == len(LOOKS)


def test_no_snapshot_is_no_run():
    assert follow_silently([]) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 s"),
        (9.994, "9.99 s"),
        (9.996, "10.0 s"),
        (59.96, "1 min 00 s"),
        (245, "4 min 05 s"),
        (7380, "2 h 03 min"),
    ],
)
def test_durations_are_written_as_people_say_them(seconds, text):
    assert duration_text(timedelta(seconds=seconds)) == text


def test_records_become_plain_json():
    made = plain(snapshot(block("a", BlockRunStatus.SUCCEEDED, seconds=1)))
    assert made["at"] == "2024-05-01T12:00:01.000000Z"
    assert made["blocks"][0]["status"] == "succeeded"
    assert made["blocks"][0]["upstream"] == []


def test_variables_are_json_where_they_can_be():
    assert parse_variables(["day=2024-05-01", "limit=5", "tags=[1]", "note=a=b"]) == {
        "day": "2024-05-01",
        "limit": 5,
        "tags": [1],
        "note": "a=b",
    }


@pytest.mark.parametrize("text", ["day", "=5", ""])
def test_a_variable_without_a_name_or_a_value_is_refused(text):
    with pytest.raises(typer.BadParameter, match="name=value"):
        parse_variables([text])
