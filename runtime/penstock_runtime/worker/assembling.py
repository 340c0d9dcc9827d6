"""Turning a claim into the work that an executor is given."""

from __future__ import annotations

from pathlib import Path

from penstock_runtime.domain.runs import BlockRunKind
from penstock_runtime.ports.environments import EnvironmentRef
from penstock_runtime.ports.executor import AttemptWork
from penstock_runtime.ports.log_store import log_key
from penstock_runtime.runs.claim import Claimed
from penstock_runtime.runs.work import Places, work_of
from penstock_runtime.worker import staging
from penstock_runtime.worker.parts import WorkerParts


def attempt_work(parts: WorkerParts, claimed: Claimed, folder: Path, environment: EnvironmentRef) -> AttemptWork:
    """Return what the executor is given. Raises what rendering SQL, unpacking code and finding inputs raise."""
    run, row = claimed.run, claimed.block_run
    places = Places(parts.bundle_dir(run.bundle), parts.project_dir, folder)
    payload = dict(work_of(claimed, places, parts.render_sql, parts.environment_name))
    payload["inputs"] = staging.localise(parts.artifacts, payload["inputs"], payload.get("dynamic_input"))
    if "results" in payload:
        done = [{"outputs": outputs} for outputs in payload["results"].values()]
        here = staging.localise(parts.artifacts, done)
        payload["results"] = {slug: one["outputs"] for slug, one in zip(payload["results"], here, strict=True)}
    unit = row.kind is BlockRunKind.PIPELINE
    block = None if unit else claimed.plan.block(row.block)
    tables = any(one.uses_tables for one in claimed.plan.blocks) if block is None else block.uses_tables
    sensor = block is not None and block.type.value == "sensor"
    return AttemptWork(
        attempt_id=claimed.attempt.id,
        run_id=run.id,
        payload=payload,
        environment=environment,
        log_key=log_key(claimed.attempt),
        wants_tables=tables or staging.has_table(payload["inputs"]),
        memory_bytes=payload["limits"]["memory_bytes"],
        timeout_seconds=None if block is None or sensor else block.timeout_seconds,
        labels=frozenset({run.id, claimed.attempt.id}),
    )
