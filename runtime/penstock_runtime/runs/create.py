"""Making a pipeline run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from penstock_runtime.domain.blocks import PipelinePlan
from penstock_runtime.domain.errors import (
    Conflict,
    IdempotencyConflict,
    InvalidInput,
    NotFound,
    PipelineInvalid,
)
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import UNMAPPED, BlockRun, BlockRunKind, BlockRunStatus, Run, RunStatus
from penstock_runtime.domain.trigger_rules import NO_RULES, TriggerRules, parse_rules
from penstock_runtime.ports.run_store import RunTransaction, Trigger
from penstock_runtime.runs.services import RunServices

KEY_LIFE = timedelta(days=7)
"""How long an idempotency key is remembered."""

PIPELINE_UNIT = ""
"""The block name of the one unit of a run whose pipeline runs in one process; no block can be called so."""


class RunLimitReached(Conflict):
    """As many runs of the pipeline as it allows are going, and it says `skip`."""


@dataclass(frozen=True, slots=True)
class CreateRun:
    """What is asked for. `variables` override the pipeline's and the trigger's; `bundle` None means the newest code.

    `scope` narrows idempotency keys: one key means one thing per pipeline, or per trigger.
    """

    pipeline: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    logical_at: datetime | None = None
    idempotency_key: str | None = None
    trigger: Trigger | None = None
    bundle: str | None = None
    event: Mapping[str, Any] | None = None
    created_by: str | None = None


def create_run(services: RunServices, request: CreateRun) -> tuple[Run, bool]:
    """Create a run, or return the one that this request already made; the flag says which.

    Raises PipelineNotFound, PipelineInvalid (every problem in `problems`), InvalidInput (variables that are no JSON),
    IdempotencyConflict (the key stands for another body), RunLimitReached.
    """
    check_json(request.variables)
    with services.store.transaction() as tx:
        run, created = create_run_in(tx, services, request)
    if created:
        services.tell_run_changed(run.id, work=True)
    return run, created


def create_run_in(tx: RunTransaction, services: RunServices, request: CreateRun) -> tuple[Run, bool]:
    """Do the same inside a transaction of the caller's, who sends the wake-ups after it."""
    now = services.clock.now()
    plan = plan_to_run(tx, services, request)
    run_id = new_id()
    rules = parse_rules(request.trigger.settings) if request.trigger else NO_RULES
    try:
        admitted = admit(tx, plan, Group(request.trigger.id if request.trigger else None, rules))
    except RunLimitReached:
        # A repeat of a request that made its run before gets that run, however full it is now.
        if request.idempotency_key is None or tx.idempotency_key(_scope(request), request.idempotency_key, now) is None:
            raise
        admitted = False
    if request.idempotency_key is not None:
        known = _claim_key(tx, request, run_id, now)
        if known is not None:
            return known, False
    run = _timed(_run(run_id, plan, request, now, admitted=admitted), rules, now)
    # The pipeline's and the trigger's own variables came from files: checked with ours, before anything is written.
    check_json(run.variables)
    rows = _block_runs(plan, run, now)
    if not tx.insert_run(run):
        return _existing(tx, request), False
    tx.insert_block_runs(rows)
    return run, True


def plan_to_run(tx: RunTransaction, services: RunServices, request: CreateRun) -> PipelinePlan:
    """Return the plan of the code that a run would pin. PipelineNotFound; PipelineInvalid; NotFound without code."""
    bundle = request.bundle
    if bundle is None:
        newest = tx.newest_code_version()
        if newest is None:
            raise NotFound("no code has been published yet; start a scheduler on the project, or run `penstock run`")
        bundle = newest.digest
    plan = services.plans.plan(bundle, request.pipeline)
    if plan.problems:
        listed = "\n".join(plan.problems)
        raise PipelineInvalid(f"pipeline {plan.slug!r} cannot run:\n{listed}", tuple(plan.problems))
    if not plan.blocks:
        raise PipelineInvalid(f"pipeline {plan.slug!r} has no blocks", ("it has no blocks",))
    return plan


def check_json(variables: Mapping[str, Any]) -> None:
    """Refuse variables that are no JSON: InvalidInput."""
    try:
        json.dumps(variables, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"variables must be JSON values: {error}", "variables") from error


def _scope(request: CreateRun) -> str:
    return request.trigger.id if request.trigger else f"pipeline:{request.pipeline}"


def _claim_key(tx: RunTransaction, request: CreateRun, run_id: str, now: datetime) -> Run | None:
    scope = _scope(request)
    body = [dict(request.variables), request.logical_at.isoformat() if request.logical_at else None, request.event]
    digest = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    known = tx.claim_idempotency_key(scope, request.idempotency_key or "", digest, run_id, now + KEY_LIFE, now=now)
    if known is None:
        return None
    known_run_id, known_digest = known
    if known_digest != digest:
        raise IdempotencyConflict(
            f"the idempotency key {request.idempotency_key!r} was used with another body, for run {known_run_id}"
        )
    run = tx.run(known_run_id)
    if run is None:
        raise IdempotencyConflict(f"run {known_run_id} of this idempotency key has been pruned; use another key")
    return run


@dataclass(frozen=True, slots=True)
class Group:
    """Whose run it is, for limits: one trigger's (or backfill's) under its rules, or (None) of those nobody made."""

    trigger_id: str | None = None
    rules: TriggerRules = NO_RULES

    def limit(self, plan: PipelinePlan) -> int | None:
        """Return how many runs of this group may be going at once."""
        return self.rules.run_limit or plan.run_limit_per_trigger


def rules_of(tx: RunTransaction, run: Run) -> TriggerRules:
    """Return the rules that its trigger has now; none when it is gone, or they cannot be read any more."""
    trigger = tx.trigger(run.trigger_id) if run.trigger_id else None
    try:
        return parse_rules(trigger.settings) if trigger is not None else NO_RULES
    except InvalidInput:
        return NO_RULES


def admit(tx: RunTransaction, plan: PipelinePlan, group: Group) -> bool:
    """Return whether another run of the group may go now, reserved until the transaction ends. RunLimitReached.

    It may not while the pipeline's limit or the group's is reached; where the rule for that says `skip`, and where a
    trigger's runs are to be alone, RunLimitReached is raised instead.
    """
    if group.rules.alone and group.trigger_id is not None:
        tx.lock_limit(f"pipeline:{plan.slug}")
        going = tx.unfinished_run_of(group.trigger_id)
        if going is not None:
            raise RunLimitReached("the run before is still going")
    full = limit_reached(tx, plan, group)
    if full is None:
        return True
    if (group.rules.run_limit_reached or plan.run_limit_reached) == "skip":
        raise RunLimitReached(full.text)
    return False


@dataclass(frozen=True, slots=True)
class Full:
    """A limit that is reached: the whole pipeline's, or one group's."""

    text: str
    of_pipeline: bool


def limit_reached(tx: RunTransaction, plan: PipelinePlan, group: Group) -> Full | None:
    """Return the limit that holds back a run of the group, or None; serialised until the transaction ends."""
    own = group.limit(plan)
    if plan.run_limit is None and own is None:
        return None
    tx.lock_limit(f"pipeline:{plan.slug}")
    of_all, of_group = tx.running_runs(plan.slug, group.trigger_id)
    if plan.run_limit is not None and of_all >= plan.run_limit:
        text = f"pipeline {plan.slug!r} allows {plan.run_limit} runs at once, and they are going"
        return Full(text, of_pipeline=True)
    if own is not None and of_group >= own:
        return Full(f"{own} runs of one trigger are allowed at once, and they are going", of_pipeline=False)
    return None


def _run(run_id: str, plan: PipelinePlan, request: CreateRun, now: datetime, *, admitted: bool) -> Run:
    trigger = request.trigger
    variables = {**plan.variables, **(trigger.variables if trigger else {}), **request.variables}
    return Run(
        id=run_id,
        pipeline=plan.slug,
        status=RunStatus.QUEUED,
        epoch=1,
        bundle=plan.bundle,
        created_at=now,
        variables=variables,
        trigger_id=trigger.id if trigger else None,
        trigger_name=trigger.name if trigger else None,
        trigger_kind=trigger.kind if trigger else None,
        logical_at=request.logical_at,
        admitted=admitted,
        open_block_runs=len(plan.blocks) + (1 if plan.in_one_process else 0),
        block_run_limit=plan.block_run_limit,
        event=request.event,
        created_by=request.created_by,
    )


def _timed(run: Run, rules: TriggerRules, now: datetime) -> Run:
    """Return the run with its deadline and its service level. A run that is held back has no deadline yet."""
    deadline = rules.deadline(now) if run.admitted else None
    return replace(
        run,
        deadline_at=deadline,
        timeout_status=None if deadline is None else rules.timeout_status.value,
        sla_at=rules.promised(run.logical_at or now),
    )


def _block_runs(plan: PipelinePlan, run: Run, now: datetime) -> Sequence[BlockRun]:
    # The blocks of a whole-pipeline unit wait for the unit as well, which is never counted down: it drives them.
    unit = 1 if plan.in_one_process else 0
    rows = [
        BlockRun(
            id=new_id(),
            run_id=run.id,
            block=block.slug,
            map_index=UNMAPPED,
            kind=BlockRunKind.BLOCK,
            status=first_status(len(block.upstream) + unit, admitted=run.admitted),
            epoch=run.epoch,
            waiting_on=len(block.upstream) + unit,
            due_at=now,
        )
        for block in plan.blocks
    ]
    if plan.in_one_process:
        rows.append(pipeline_unit(run.id, run.epoch, first_status(0, admitted=run.admitted), now))
    return rows


def pipeline_unit(run_id: str, epoch: int, status: BlockRunStatus, now: datetime) -> BlockRun:
    """Return the one unit of a run whose pipeline runs in one process."""
    return BlockRun(
        id=new_id(),
        run_id=run_id,
        block=PIPELINE_UNIT,
        map_index=UNMAPPED,
        kind=BlockRunKind.PIPELINE,
        status=status,
        epoch=epoch,
        due_at=now,
    )


def first_status(waiting_on: int, *, admitted: bool) -> BlockRunStatus:
    """Return ready for a block that waits on nothing in an admitted run, else pending."""
    return BlockRunStatus.READY if admitted and waiting_on == 0 else BlockRunStatus.PENDING


def _existing(tx: RunTransaction, request: CreateRun) -> Run:
    # The unique key refused ours, so one of this trigger and logical time is there: return it (I1).
    if request.trigger is None or request.logical_at is None:
        raise Conflict("the run could not be stored")
    found = tx.run_of_tick(request.trigger.id, request.logical_at)
    if found is None:
        raise Conflict("a run of this trigger and logical time was stored and has been pruned")
    return found
