"""What the end of an attempt makes of its block run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from penstock_runtime.domain.blocks import BlockSpec, RetryPolicy
from penstock_runtime.domain.runs import INFRASTRUCTURE, AttemptStatus, BlockRun, BlockRunStatus, ExitReason

MAX_LOSSES = 10
"""Endings by the platform after which a block is given up: it may well be what kills its host."""

UNIT_POLL_SECONDS = 60.0
"""How long a whole pipeline waits after a sensor in it said False."""

_FIRST_LOSS_DELAY_SECONDS = 1.0
_MAX_LOSS_DELAY_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """How an attempt ended, as its executor saw it, with the result that the attempt itself wrote, if any."""

    attempt_id: str
    reason: ExitReason
    message: str | None = None
    result: Mapping[str, Any] | None = None
    exit_code: int | None = None
    pid: int | None = None
    external_id: str | None = None
    peak_memory_bytes: int | None = None
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The next status of the block run and the final one of the attempt. `due_at` is set for those that wait."""

    block_run: BlockRunStatus
    attempt: AttemptStatus
    due_at: datetime | None = None
    add_failures: int = 0
    add_losses: int = 0
    error: Mapping[str, Any] | None = None


def judge(
    block: BlockSpec | None, block_run: BlockRun, outcome: AttemptOutcome, now: datetime, *, cancelling: bool
) -> Verdict:
    """Decide. `block` is None for a whole-pipeline unit, whose blocks have retried inside; pure."""
    if outcome.reason is ExitReason.SUCCESS:
        return _after_result(block, block_run, outcome, now, cancelling=cancelling)
    error = error_of(outcome)
    if cancelling or outcome.reason is ExitReason.CANCELLED:
        return Verdict(BlockRunStatus.CANCELLED, AttemptStatus.CANCELLED, error=error)
    if outcome.reason in INFRASTRUCTURE:
        return _after_loss(block_run, outcome, now)
    retry = block.retry if block else RetryPolicy()
    failures = block_run.failures + 1
    if failures <= retry.retries:
        due = now + timedelta(seconds=retry.delay(failures))
        return Verdict(BlockRunStatus.RETRY_WAIT, AttemptStatus.FAILED, due, add_failures=1, error=error)
    return Verdict(BlockRunStatus.FAILED, AttemptStatus.FAILED, add_failures=1, error=error)


def error_of(outcome: AttemptOutcome) -> Mapping[str, Any]:
    """Return the error to show: what the attempt said of itself, else what its platform saw."""
    said = (outcome.result or {}).get("error")
    if isinstance(said, Mapping) and outcome.reason is ExitReason.ERROR:
        return said
    return {"type": outcome.reason.value, "message": outcome.message or outcome.reason.value.replace("_", " ")}


def _after_result(
    block: BlockSpec | None, block_run: BlockRun, outcome: AttemptOutcome, now: datetime, *, cancelling: bool
) -> Verdict:
    status = (outcome.result or {}).get("status")
    if status == "succeeded":
        return Verdict(BlockRunStatus.SUCCEEDED, AttemptStatus.SUCCEEDED)
    if status == "skipped":
        return Verdict(BlockRunStatus.SKIPPED, AttemptStatus.SKIPPED)
    if status == "deferred":
        if cancelling:
            return Verdict(BlockRunStatus.CANCELLED, AttemptStatus.CANCELLED)
        return _after_poke(block, block_run, now)
    # I5: no attempt succeeds without a result that it wrote itself.
    error = {"type": "no_result", "message": "the attempt ended without writing a result"}
    return Verdict(BlockRunStatus.FAILED, AttemptStatus.FAILED, add_failures=1, error=error)


def _after_poke(block: BlockSpec | None, block_run: BlockRun, now: datetime) -> Verdict:
    if block is None:
        # A whole pipeline whose sensor said False: asked again as a sensor is.
        return Verdict(BlockRunStatus.DEFERRED, AttemptStatus.DEFERRED, now + timedelta(seconds=UNIT_POLL_SECONDS))
    begun = block_run.first_started_at or now
    if block.timeout_seconds is not None and now >= begun + timedelta(seconds=block.timeout_seconds):
        error = {"type": "timeout", "message": f"the sensor was not satisfied within {block.timeout_seconds:g} s"}
        return Verdict(BlockRunStatus.FAILED, AttemptStatus.FAILED, add_failures=1, error=error)
    return Verdict(BlockRunStatus.DEFERRED, AttemptStatus.DEFERRED, now + timedelta(seconds=block.poll_seconds))


def _after_loss(block_run: BlockRun, outcome: AttemptOutcome, now: datetime) -> Verdict:
    losses = block_run.losses + 1
    error = error_of(outcome)
    attempt = AttemptStatus.LOST if outcome.reason is ExitReason.LOST else AttemptStatus.FAILED
    if losses > MAX_LOSSES:
        text = f"{error['message']}; given up after the platform ended it {losses} times"
        return Verdict(BlockRunStatus.FAILED, attempt, add_losses=1, error={**error, "message": text})
    if losses == 1:
        return Verdict(BlockRunStatus.READY, attempt, now, add_losses=1, error=error)
    wait = min(_FIRST_LOSS_DELAY_SECONDS * 2 ** (losses - 2), _MAX_LOSS_DELAY_SECONDS)
    return Verdict(BlockRunStatus.RETRY_WAIT, attempt, now + timedelta(seconds=wait), add_losses=1, error=error)
