"""Lanes are the folders of tests/. Says at the end which ran and which did not; in CI that decides.

--every-lane asks for every lane but those that have a target of their own in the Makefile, --lanes for those it names;
each keeps the other lanes' tests out. A lane ran when at least one of its tests passed or failed. In CI (the variable
CI is `true`) an asked lane that did not run fails the whole run; at home it is named, with the reasons its tests gave.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
NOT_LANES = frozenset({"support", "bench"})
# Each is run by a target of its own, `make test-LANE`, for what it needs takes minutes to get.
OWN_TARGET = frozenset({"cluster"})
ASKED = pytest.StashKey[frozenset[str] | None]()


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


def asked_lanes(named: str, *, every_lane: bool) -> frozenset[str] | None:
    """Return the lanes that must run, `named` by commas; None when no option asks for any.

    Raises pytest.UsageError for a name that is no lane, which would otherwise never be missed.
    """
    existing = set(existing_lanes())
    asked = {name.strip() for name in named.split(",") if name.strip()}
    if unknown := asked - existing:
        raise pytest.UsageError(f"no such lane: {', '.join(sorted(unknown))} (of {', '.join(sorted(existing))})")
    if every_lane:
        asked |= existing - OWN_TARGET
    return frozenset(asked) or None


class LaneSummary:
    """Counts reports by lane and prints one line for each that ran or was asked for."""

    def __init__(self, asked: Iterable[str], *, strict: bool) -> None:
        self.asked = frozenset(asked)
        self.lanes: dict[str, Lane] = {name: Lane() for name in self.asked}
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
        return [name for name in sorted(self.asked) if not self.lanes[name].ran]

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.add(report)

    @pytest.hookimpl
    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped or report.failed:
            self.add(report)

    @pytest.hookimpl
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.strict and self.missing() and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.section("lanes")
        for name, lane in sorted(self.lanes.items()):
            if name in self.asked or lane.outcomes:
                terminalreporter.write_line(line_of(name, lane))
        if self.missing():
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
        "--every-lane",
        action="store_true",
        help="every lane must run but those with a target of their own; in CI one that did not fails the run",
    )
    parser.addoption("--lanes", default="", metavar="A,B", help="these lanes must run, and no other does")


def pytest_configure(config: pytest.Config) -> None:
    asked = asked_lanes(config.getoption("--lanes"), every_lane=config.getoption("--every-lane"))
    config.stash[ASKED] = asked
    if not hasattr(config, "workerinput"):  # under xdist only the controller sees every report
        summary = LaneSummary(asked or (), strict=os.environ.get("CI") == "true")
        config.pluginmanager.register(summary, "lane-summary")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the lanes that were not asked for; None leaves the decision to others."""
    asked = config.stash[ASKED]
    return True if asked is not None and is_left_out(collection_path, asked) else None


def is_left_out(path: Path, asked: frozenset[str]) -> bool:
    """Whether the path is a lane, or in one, that was not asked for; what is no lane is left to its own devices."""
    name = path.relative_to(TESTS).parts[:1] if path.is_relative_to(TESTS) else ()
    return bool(name) and name[0] in existing_lanes() and name[0] not in asked
