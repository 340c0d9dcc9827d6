"""The runner's own promises: a lane that did not run is named, and fails in CI."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from support.lanes import (
    OWN_TARGET,
    TESTS,
    LaneSummary,
    asked_lanes,
    existing_lanes,
    is_left_out,
    lane_of,
    line_of,
)
from support.sockets import NetworkUsed


def report(nodeid: str, outcome: str, when: str = "call", reason: str = ""):
    return SimpleNamespace(
        nodeid=nodeid,
        when=when,
        duration=0.5,
        skipped=outcome == "skipped",
        failed=outcome == "failed",
        longrepr=("file", 1, f"Skipped: {reason}") if reason else None,
    )


def finished(summary: LaneSummary) -> pytest.ExitCode:
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    summary.pytest_sessionfinish(session)
    return session.exitstatus


def summary_of(*reports, strict: bool = True) -> LaneSummary:
    summary = LaneSummary(("unit", "faults"), strict=strict)
    for one in reports:
        summary.add(one)
    return summary


def test_the_lane_is_the_folder_below_tests():
    assert lane_of("tests/unit/domain/test_x.py::test_y[a/b]") == "unit"
    assert lane_of("tests/conftest.py") is None


def test_ci_fails_when_a_lane_collected_nothing():
    summary = summary_of(report("tests/unit/test_a.py::test_b", "passed"))
    assert summary.missing() == ["faults"]
    assert finished(summary) == pytest.ExitCode.TESTS_FAILED


def test_ci_fails_when_a_lane_only_skipped():
    skipped = report("tests/faults/test_a.py::test_b", "skipped", "setup", "no Postgres")
    summary = summary_of(report("tests/unit/test_a.py::test_b", "passed"), skipped)
    assert finished(summary) == pytest.ExitCode.TESTS_FAILED
    assert line_of("faults", summary.lanes["faults"]).splitlines() == [
        "faults         DID NOT RUN: 1 skipped in 0.5 s",
        "                 skipped 1: no Postgres",
    ]


def test_at_home_a_lane_that_did_not_run_is_only_named():
    assert finished(summary_of(strict=False)) == pytest.ExitCode.OK


def test_every_lane_that_ran_is_enough():
    reports = [report(f"tests/{lane}/test_a.py::test_b", "passed") for lane in ("unit", "faults")]
    assert finished(summary_of(*reports)) == pytest.ExitCode.OK


def test_a_lane_that_nobody_asked_for_is_not_missed():
    summary = summary_of(*(report(f"tests/{lane}/test_a.py::test_b", "passed") for lane in ("unit", "faults")))
    summary.add(report("tests/cluster/test_a.py::test_b", "skipped", "setup", "no cluster"))
    assert summary.missing() == []
    assert finished(summary) == pytest.ExitCode.OK


def test_ci_fails_when_the_one_lane_asked_for_did_not_run():
    summary = LaneSummary(("cluster",), strict=True)
    summary.add(report("tests/cluster/test_a.py::test_b", "skipped", "setup", "no cluster"))
    summary.add(report("tests/unit/test_a.py::test_b", "passed"))
    assert summary.missing() == ["cluster"]
    assert finished(summary) == pytest.ExitCode.TESTS_FAILED


def test_every_lane_is_every_one_without_a_target_of_its_own():
    assert asked_lanes("", every_lane=True) == set(existing_lanes()) - OWN_TARGET
    assert asked_lanes("cluster", every_lane=True) == set(existing_lanes())
    assert asked_lanes("cluster, unit", every_lane=False) == {"cluster", "unit"}
    assert asked_lanes("", every_lane=False) is None


def test_a_lane_that_does_not_exist_is_a_mistake_not_a_pass():
    with pytest.raises(pytest.UsageError, match="no such lane: clutser"):
        asked_lanes("clutser", every_lane=False)


def test_a_lane_with_a_target_of_its_own_has_one():
    recipes = (TESTS.parent / "Makefile").read_text().splitlines()
    for name in OWN_TARGET:
        assert any(line.startswith(f"test-{name}:") for line in recipes)
        assert any(f"--lanes {name}" in line for line in recipes)


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        ("cluster", True),
        ("cluster/test_x.py", True),
        ("unit", False),
        ("unit/cluster/test_x.py", False),
        ("conftest.py", False),
        (".", False),
        ("bench", False),
    ],
)
def test_what_was_not_asked_for_is_not_even_collected(path, left_out):
    assert is_left_out(TESTS / path, frozenset({"unit", "faults"})) is left_out
    assert not is_left_out(TESTS.parent / "runtime", frozenset({"unit"}))


def test_a_unit_test_that_reaches_for_the_network_fails():
    with socket.socket() as one, pytest.raises(NetworkUsed, match="no network socket"):
        one.bind(("127.0.0.1", 0))
