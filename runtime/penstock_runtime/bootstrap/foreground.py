"""`penstock run`: one run, followed to its end in the terminal.

Where a scheduler already works on the project, the run is given to it, and this process stands by; else it takes the
right to schedule for as long as the run lasts, and claims nothing of any other run.
"""

from __future__ import annotations

import math
import select
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock_runtime.bootstrap.components import Components, open_components
from penstock_runtime.bootstrap.opening import open_project_settings, upgrade_at_start
from penstock_runtime.bootstrap.scheduler_process import Duty, SchedulerProcess
from penstock_runtime.bootstrap.snapshots import BlockSnapshot, RunSnapshot
from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.errors import PenstockError, RunFinished, RunNotFound
from penstock_runtime.domain.runs import RUN_ENDED, BlockRun, BlockRunKind, Run
from penstock_runtime.hardening import make_non_dumpable
from penstock_runtime.ports.wakeups import Wakeups
from penstock_runtime.runs.cancel import cancel_run
from penstock_runtime.runs.create import CreateRun, create_run
from penstock_runtime.runs.services import RunServices

LOOK_SECONDS = 0.5
STOP_PATIENCE_SECONDS = 30.0


def run_pipeline(folder: Path, pipeline: str, variables: Mapping[str, Any]) -> Iterator[RunSnapshot]:
    """Run a pipeline and yield what is seen of it, the last snapshot being the ended run's.

    An interrupt (Ctrl-C) cancels the run and waits for its end. Raises PipelineNotFound, PipelineInvalid.
    """
    make_non_dumpable()
    settings = open_project_settings(folder).with_(standby_seconds=math.inf)
    components = open_components(settings)
    upgrade_at_start(components)
    components.publish_code("penstock run")
    wakeups = components.wakeups()
    services = components.services(wakeups)
    run, _ = create_run(services, CreateRun(pipeline, variables=variables, created_by="penstock run"))
    engine = _Engine(components, run.id)
    engine.start()
    try:
        yield from _follow(services, wakeups, engine, run.id)
    except KeyboardInterrupt:
        _cancel(services, run.id)
        yield from _follow(services, wakeups, engine, run.id)
    except GeneratorExit:
        # Interrupted while the last snapshot was being drawn: nobody follows any more, and the run must not wait.
        _cancel(services, run.id)
        raise
    finally:
        engine.stop()
        wakeups.close()
        components.store.close()


class _Engine(threading.Thread):
    """A scheduler for one run, in a thread; none where another process schedules already."""

    def __init__(self, components: Components, run_id: str) -> None:
        super().__init__(name="engine", daemon=True)
        self._process = SchedulerProcess(components.settings, components, Duty(only_run=run_id))
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            self._process.run()
        except BaseException as error:  # noqa: BLE001 - a thread's edge: the follower raises it
            self.failure = error

    def stop(self) -> None:
        self._process.stop()
        self.join(STOP_PATIENCE_SECONDS)


def _follow(services: RunServices, wakeups: Wakeups, engine: _Engine, run_id: str) -> Iterator[RunSnapshot]:
    while True:
        snapshot = take_snapshot(services, run_id)
        yield snapshot
        if snapshot.status in RUN_ENDED:
            return
        if engine.failure is not None:
            raise PenstockError(f"the run was left: {engine.failure}") from engine.failure
        _wait_for_news(wakeups, run_id)


def _wait_for_news(wakeups: Wakeups, run_id: str) -> None:
    deadline = time.monotonic() + LOOK_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([wakeups.fileno()], [], [], left)[0]:
            return
        if any(hint.topic == "run" and hint.key == run_id for hint in wakeups.drain()):
            return


def _cancel(services: RunServices, run_id: str) -> None:
    try:
        cancel_run(services, run_id)
    except RunFinished:
        return


def take_snapshot(services: RunServices, run_id: str) -> RunSnapshot:
    """Return a run as it is now, blocks in topological order."""
    with services.store.transaction(read_only=True) as tx:
        run = tx.run(run_id)
        rows = tx.block_runs(run_id) if run else ()
    if run is None:
        raise RunNotFound(f"no run {run_id!r}")
    plan = services.plans.plan(run.bundle, run.pipeline)
    return RunSnapshot(
        run_id=run.id,
        pipeline=run.pipeline,
        status=run.status,
        at=services.clock.now(),
        blocks=tuple(_blocks(plan, rows)),
        started_at=run.started_at,
        ended_at=run.ended_at,
        error=_error(run, rows),
    )


def _blocks(plan: PipelinePlan, rows: Sequence[BlockRun]) -> Iterator[BlockSnapshot]:
    graph = {row.block: row for row in rows if row.kind is BlockRunKind.BLOCK}
    for block in plan.blocks:
        row = graph.get(block.slug)
        if row is None:
            continue
        instances = Counter(
            one.status.value for one in rows if one.kind is BlockRunKind.INSTANCE and one.block == block.slug
        )
        yield BlockSnapshot(
            slug=block.slug,
            type=block.type.value,
            status=row.status,
            upstream=block.upstream,
            started_at=row.started_at,
            ended_at=row.ended_at,
            attempts=row.attempts,
            instances=instances,
            error=_message(row),
        )


def _error(run: Run, rows: Sequence[BlockRun]) -> str | None:
    if run.status not in RUN_ENDED:
        return None
    failed = [row for row in rows if row.status.value == "failed" and row.kind is not BlockRunKind.CALLBACK]
    texts = [f"{row.block or 'the pipeline'}: {_message(row) or 'failed'}" for row in failed]
    return "\n".join(dict.fromkeys(texts)) or None


def _message(row: BlockRun) -> str | None:
    if not row.error:
        return None
    kind, message = row.error.get("type"), row.error.get("message")
    return f"{kind}: {message}" if kind else str(message)
