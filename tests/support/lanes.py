"""Lanes are the folders of tests/. Says at the end which ran and which did not; with --every-lane in CI that decides.

A lane ran when at least one of its tests passed or failed. In CI (the variable CI is `true`) a lane that did not run
fails the whole run; at home it is named, with the reasons its tests gave.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
NOT_LANES = frozenset({"support", "bench"})


@dataclass
class Lane:
    """What happened to the tests of one folder."""

    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def ran(self) -> bool:
        return bool(self.outcomes["passed"] or self.outcomes["failed"])


def lane_of(nodeid: str) -> str | None:
    """Return the lane of a test id such as `tests/unit/test_x.py::test_y`; None outside tests/."""
    parts = nodeid.split("::", maxsplit=1)[0].split("/")
    return parts[1] if len(parts) > 2 and parts[0] == "tests" else None


def existing_lanes(tests: Path = TESTS) -> list[str]:
    """Return every lane that the repository has, in order of name."""
    folders = (path for path in tests.iterdir() if path.is_dir() and not path.name.startswith(("_", ".")))
    return sorted(path.name for path in folders if path.name not in NOT_LANES)


class LaneSummary:
    """Counts reports by lane and prints one line for each."""

    def __init__(self, *, every_lane: bool, strict: bool) -> None:
        self.lanes: dict[str, Lane] = {name: Lane() for name in existing_lanes()}
        self.every_lane = every_lane
        self.strict = strict

    def add(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        name = lane_of(report.nodeid)
        if name is None:
            return
        lane = self.lanes.setdefault(name, Lane())
        lane.seconds += getattr(report, "duration", 0.0)
        if report.skipped:
            lane.outcomes["skipped"] += 1
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            lane.reasons[reason.removeprefix("Skipped: ")] += 1
        elif report.failed:
            lane.outcomes["failed"] += 1
        elif getattr(report, "when", None) == "call":
            lane.outcomes["passed"] += 1

    def missing(self) -> list[str]:
        return [name for name, lane in sorted(self.lanes.items()) if not lane.ran]

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.add(report)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped or report.failed:
            self.add(report)

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.every_lane and self.strict and self.missing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("lanes")
        for name, lane in sorted(self.lanes.items()):
            if self.every_lane or lane.outcomes:
                terminalreporter.write_line(line_of(name, lane))
        if self.every_lane and self.missing():
            verdict = "which fails this run" if self.strict else "which would fail in CI"
            terminalreporter.write_line(f"did not run: {', '.join(self.missing())} ({verdict})")


def line_of(name: str, lane: Lane) -> str:
    """Return one lane in words."""
    if not lane.outcomes:
        return f"{name:<14} DID NOT RUN: no test was collected"
    counts = ", ".join(
        f"{lane.outcomes[word]} {word}" for word in ("passed", "failed", "skipped") if lane.outcomes[word]
    )
    verdict = counts if lane.ran else f"DID NOT RUN: {counts}"
    reasons = "".join(f"\n{'':<17}skipped {count}: {reason}" for reason, count in lane.reasons.most_common())
    return f"{name:<14} {verdict} in {lane.seconds:.1f} s{reasons}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--every-lane", action="store_true", help="every lane must run; in CI one that did not fails the run"
    )


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # under xdist only the controller sees every report
        summary = LaneSummary(every_lane=config.getoption("--every-lane"), strict=os.environ.get("CI") == "true")
        config.pluginmanager.register(summary, "lane-summary")
