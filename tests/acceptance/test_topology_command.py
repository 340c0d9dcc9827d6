"""`penstock topology`, as a person on a terminal and as a program sees it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

import pytest

from penstock_platform.comparison import compare
from penstock_platform.cost import LINE_IDS
from penstock_platform.vocabulary import Cloud, Topology
from support.installation import PENSTOCK

GOOD, ASKED_WRONG = 0, 2
TOPOLOGIES = [one.value for one in Topology]


def said(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command with its output piped."""
    command = [PENSTOCK, "topology", *words]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def answer(*words: str):
    found = said(*words, "--json")
    assert (found.returncode, found.stderr) == (GOOD, "")
    return json.loads(found.stdout)


def drawn(*words: str, columns: int = 80) -> list[str]:
    """Run the command on a terminal of so many columns and return its lines without colours."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    environ = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "NO_COLOR", "LINES"}}
    process = subprocess.Popen(
        [PENSTOCK, "topology", *words], stdin=theirs, stdout=theirs, stderr=theirs, env={**environ, "TERM": "xterm"}
    )
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 65536):
            shown += part
    except OSError:  # the terminal's other end is closed: the command has ended
        pass
    os.close(ours)
    assert process.wait(30) == GOOD
    text = shown.decode()
    assert "\x1b[" in text, "nothing was drawn"
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", text).splitlines()]


def test_all_clouds_are_compared_without_any_account():
    found = said()
    assert found.returncode == GOOD
    assert "\x1b[" not in found.stdout
    for cloud in Cloud:
        assert cloud in found.stdout
    rows = {line.split()[0]: line for line in found.stdout.split("US dollars a month\n")[1].splitlines() if line}
    assert set(TOPOLOGIES) < set(rows)
    for name in TOPOLOGIES:
        assert rows[name].count("$") == len(Cloud)


def test_one_cloud_shows_every_cost_line():
    found = said("--cloud", "azure")
    assert found.returncode == GOOD
    for line in compare(Cloud.AZURE)[-1].cost.lines:
        assert line.item in found.stdout
    assert "list prices of eastus of 2026-" in found.stdout


def test_programs_get_the_same_keys_whatever_was_asked():
    one, all_of_them = answer("--cloud", "gcp", "--runs-per-hour", "10"), answer()
    assert set(one) == set(all_of_them) == {"clouds", "load", "survive_zone", "recommendations"}
    assert [cloud["cloud"] for cloud in all_of_them["clouds"]] == [cloud.value for cloud in Cloud]
    assert (all_of_them["load"], all_of_them["recommendations"]) == (None, [])
    assert one["load"] == {"runs_per_hour": 10, "blocks_per_run": 5, "block_seconds": 10, "peak": 3}
    assert set(one["recommendations"][0]) == {
        "cloud",
        "fits",
        "topology",
        "scheduler",
        "slots",
        "slots_needed",
        "mean_wait_seconds",
        "utilisation",
        "cost",
        "config",
        "reasons",
    }


def test_programs_can_add_the_lines_up():
    for cloud in answer()["clouds"]:
        assert [one["topology"] for one in cloud["topologies"]] == TOPOLOGIES
        for one in cloud["topologies"]:
            cost = one["cost"]
            assert cost["minimum"] == pytest.approx(sum(line["minimum"] for line in cost["lines"]), abs=0.01)
            assert cost["maximum"] == pytest.approx(sum(line["maximum"] for line in cost["lines"]), abs=0.01)
            assert {line["id"] for line in cost["lines"]} <= set(LINE_IDS)
            assert re.fullmatch(r"\d{4}-\d\d-\d\d", cost["as_of"])


def test_a_load_gets_a_recommendation_with_reasons_and_the_keys_that_make_it():
    [found] = answer("--cloud", "aws", "--runs-per-hour", "60", "--block-seconds", "20")["recommendations"]
    assert (found["fits"], found["topology"]) == (True, "single")
    assert found["config"]["penstock:topology"] == "single"
    assert found["slots"] >= found["slots_needed"]
    assert found["mean_wait_seconds"] <= 1
    plain = said("--cloud", "aws", "--runs-per-hour", "60", "--block-seconds", "20").stdout
    for reason in found["reasons"]:
        assert f"- {reason}" in plain
    assert "penstock:topology: single" in plain


def test_what_must_outlive_a_zone_is_ha():
    found = answer("--runs-per-hour", "10", "--survive-zone")
    assert found["survive_zone"] is True
    assert {one["topology"] for one in found["recommendations"]} == {"ha"}


def test_a_load_that_nothing_holds_is_not_talked_away():
    [found] = answer("--cloud", "azure", "--runs-per-hour", "5000")["recommendations"]
    assert (found["fits"], found["mean_wait_seconds"]) == (False, None)
    plain = said("--cloud", "azure", "--runs-per-hour", "5000").stdout
    assert "nothing holds this load" in plain
    assert "as they are, this load does not fit" in plain
    assert "penstock:topology" not in plain


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--cloud", "moon"], ["moon", *Cloud]),
        (["--runs-per-hour", "-1"], ["--runs-per-hour"]),
        (["--runs-per-hour", "many"], ["--runs-per-hour", "number"]),
        (["--runs-per-hour", "1", "--peak", "0.5"], ["--peak", "1"]),
        (["--runs-per-hour", "nan"], ["--runs-per-hour", "1000000"]),
        (["--block-seconds", "3"], ["--block-seconds", "--runs-per-hour"]),
        (["--survive-zone"], ["--survive-zone", "--runs-per-hour"]),
    ],
)
def test_what_cannot_be_asked_is_told_with_what_can(words, told):
    found = said(*words)
    assert (found.returncode, found.stdout) == (ASKED_WRONG, "")
    for word in told:
        assert word in found.stderr


@pytest.mark.parametrize("words", [[], ["--runs-per-hour", "400"], ["--cloud", "azure", "--runs-per-hour", "400"]])
@pytest.mark.parametrize("columns", [80, 120])
def test_a_narrow_terminal_can_be_read(words, columns):
    lines = drawn(*words, columns=columns)
    assert [line for line in lines if len(line) > columns] == []
    assert [line for line in lines if "…" in line] == []
    text = "\n".join(lines)
    for name in TOPOLOGIES:
        assert name in text


def test_colours_only_where_there_is_a_terminal():
    assert "\x1b[" not in said("--cloud", "aws", "--runs-per-hour", "10").stdout
