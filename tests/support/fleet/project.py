"""The project that a fleet runs under load: pipelines that work, that fail, that wait, that are broken.

Every block says when it starts and finishes (`words.WITNESS`); one that is to fail says so before it does.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from support.fleet.words import WITNESS
from support.project_maker import ProjectMaker

RETRIES = {"retry_config": {"retries": 6, "delay": 1}}
"""Plenty: a block that the harness kills, or whose disk is full, costs its author a retry."""

NAP = "time.sleep({seconds})\nvalue = kwargs['block_uuid']"
FLAKY = """
name = 'tried-%s-%s' % (kwargs['pipeline_run_id'], kwargs['block_uuid'])
if not told(name):
    tell(name)
    note('raise', kwargs)
    raise RuntimeError('once')
value = 1
"""
FAILING = "note('raise', kwargs)\nraise RuntimeError('always')"
SENSOR = """
name = 'asked-%s' % kwargs['pipeline_run_id']
value = told(name)
if not value:
    tell(name)
"""
FAMILY = """
import subprocess
child = subprocess.Popen(['setsid', 'sleep', '600'], stdout=subprocess.DEVNULL)
note('child', kwargs, pid=child.pid)
time.sleep(2)
value = 1
"""
LARGE = "value = 'x' * (512 * 1024)"


@dataclass(frozen=True)
class Schedule:
    """A trigger of the fleet: what it does with ticks that were missed, and when it is due (seconds since 1970)."""

    pipeline: str
    name: str
    catch_up: str
    start: int
    end: int
    interval: int
    sound: bool = True

    def expected(self) -> list[int]:
        """Return every logical time, by arithmetic alone."""
        return list(range(self.start, self.end + 1, self.interval))

    def entry(self) -> dict[str, Any]:
        """Return it as triggers.yaml has it."""
        settings = {
            "interval_seconds": self.interval,
            "catch_up": self.catch_up,
            "catch_up_per_minute": 600,
            "start_time": _text(self.start),
            "end_time": _text(self.end),
        }
        return {
            "name": self.name,
            "pipeline_uuid": self.pipeline,
            "schedule_type": "time",
            "status": "active",
            "settings": settings,
        }


def _text(at: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).isoformat()


def make_project(home: Path) -> ProjectMaker:
    """Write every pipeline, without triggers."""
    maker = ProjectMaker(home)
    (maker.folder / "witness.py").write_text(WITNESS.format(folder=str(maker.witness)))
    chain = maker.pipeline("chain")
    for before, name in zip([None, *"abcd"], "abcde", strict=True):
        chain.block(name, NAP.format(seconds=0.5), [before] if before else [], **RETRIES)
    chain.write()
    maker.pipeline("fan").block("head", "value = 1", **RETRIES).block(
        "items", "value = [1, 2, 3]", ["head"], configuration={"dynamic": True}, **RETRIES
    ).block(
        "each", "time.sleep(0.7)\nvalue = args[0] * 2", ["items"], configuration={"reduce_output": True}, **RETRIES
    ).block("join", "value = sum(args[0])", ["each"], **RETRIES).block("tail", "value = 1", ["join"], **RETRIES).write()
    _five(maker, "flaky", FLAKY)
    _five(maker, "slow", NAP.format(seconds=2.5))
    _five(maker, "failing", FAILING, keys={"retry_config": {"retries": 1, "delay": 1}})
    _five(maker, "waiting", SENSOR, type="sensor", keys={**RETRIES, "configuration": {"poll_seconds": 1}})
    _five(maker, "large", LARGE)
    _five(maker, "family", FAMILY)
    whole = maker.pipeline("whole", run_pipeline_in_one_process=True)
    for before, name in zip([None, *"abcd"], "abcde", strict=True):
        whole.block(name, NAP.format(seconds=0.4), [before] if before else [], **RETRIES)
    whole.write()
    for name in ("every", "latest", "none", "beside"):
        maker.pipeline(name).block("tick", "time.sleep(0.3)", **RETRIES).write()
    maker.pipeline("circle").block("a", "", ["b"]).block("b", "", ["a"]).write()
    maker.pipeline("syntax").block("it", "", **RETRIES).write()
    (maker.folder / "custom" / "syntax_it.py").write_text("@custom\ndef step(*args, **kwargs)\n    return 1\n")
    return maker


def _five(
    maker: ProjectMaker, slug: str, body: str, *, type: str = "custom", keys: dict[str, Any] | None = None
) -> None:
    """Make a pipeline of five blocks whose third is the one that matters."""
    made = maker.pipeline(slug).block("a", "value = 1", **RETRIES).block("b", "value = 1", ["a"], **RETRIES)
    made.block("c", body, ["b"], type=type, **(RETRIES if keys is None else keys))
    made.block("d", "value = 1", ["c"], **RETRIES).block("e", "value = 1", ["d"], **RETRIES).write()


def schedules(start: int, seconds: int) -> list[Schedule]:
    """Return every schedule of the fleet, from `start` for so many seconds; the broken pipelines' among them."""
    end = start + seconds
    return [
        Schedule("every", "each second", "all", start, end, 1),
        Schedule("every", "each three", "all", start, end, 3),
        Schedule("latest", "each two", "latest", start, end, 2),
        Schedule("none", "each five", "none", start, end, 5),
        Schedule("beside", "each four", "all", start, end, 4),
        Schedule("circle", "broken", "all", start, end, 2, sound=False),
        Schedule("syntax", "broken too", "all", start, end, 5, sound=False),
    ]


def write_schedules(maker: ProjectMaker, wanted: list[Schedule]) -> None:
    """Put them into the project, whose running schedulers take them up."""
    for pipeline in {one.pipeline for one in wanted}:
        file = maker.folder / "pipelines" / pipeline / "triggers.yaml"
        part = file.with_suffix(".part")
        part.write_text(json.dumps({"triggers": [one.entry() for one in wanted if one.pipeline == pipeline]}))
        part.rename(file)
