"""The runner's own promises: a lane that did not run is named, and fails in CI."""

from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from support.lanes import Lane, LaneSummary, lane_of, line_of
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
    summary = LaneSummary(every_lane=True, strict=strict)
    summary.lanes = {"unit": Lane(), "faults": Lane()}
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


def test_a_unit_test_that_reaches_for_the_network_fails():
    with socket.socket() as one, pytest.raises(NetworkUsed, match="no network socket"):
        one.bind(("127.0.0.1", 0))
