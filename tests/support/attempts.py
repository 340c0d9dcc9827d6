"""What a scheduler would do to a run, done by hand."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from penstock_runtime.domain.runs import Attempt, Member
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.runs.finish import Ending, Finished, finish_attempt
from penstock_runtime.runs.services import Owner
from support.api_stack import Stack


def claim(stack: Stack, count: int = 10) -> Sequence[Attempt]:
    """Take what is ready, as a scheduler would."""
    now = stack.clock.now()
    member = Member("test-member", "scheduler", 0, "test-host", 1, now, now, now.replace(year=2030))
    with stack.services.runs.store.transaction() as tx:
        term = tx.join(member) if not tx.members() else tx.members()[0].term
        ids = [str(uuid.uuid4()) for _ in range(count)]
        claimed = tx.claim_ready("test-member", term, count, now, host="test-host", attempt_ids=ids)
        tx.set_attempts_executor({attempt.id: "local_python" for _, _, attempt in claimed})
    return [attempt for _, _, attempt in claimed]


def finish(stack: Stack, attempt: Attempt, outcome: AttemptOutcome) -> Finished:
    owner = Owner(attempt.member_id, attempt.term, "test-host")
    with stack.services.runs.store.transaction() as tx:
        done = finish_attempt(tx, stack.services.runs.plans, attempt, outcome, Ending(owner, stack.clock.now()))
    assert done is not None
    return done
