"""What can go wrong, named for what happened. The edges (HTTP, command line) turn these into their own answers."""

from __future__ import annotations


class PenstockError(Exception):
    """Root of every error that Penstock raises on purpose. The text is meant for the person who caused it."""


class NotFound(PenstockError):
    """A named thing does not exist."""


class PipelineNotFound(NotFound):
    """No pipeline of that slug in the code version that was asked."""


class BlockNotFound(NotFound):
    """No block of that slug in the pipeline."""


class RunNotFound(NotFound):
    """No pipeline run of that id."""


class BlockRunNotFound(NotFound):
    """No block run of that run, block and map index."""


class Conflict(PenstockError):
    """The request contradicts the present state; repeating it unchanged cannot help."""


class IdempotencyConflict(Conflict):
    """The idempotency key was used before with another body."""


class RunNotFinished(Conflict):
    """A manual retry was asked of a run that is still going."""


class RunFinished(Conflict):
    """A cancel was asked of a run that has ended."""


class InvalidInput(PenstockError):
    """A value that cannot be used; `field` is its path, where one is known."""

    def __init__(self, message: str, field: str | None = None) -> None:
        """Keep the message for people and the field's path for programs."""
        super().__init__(message)
        self.field = field


class PipelineInvalid(InvalidInput):
    """The pipeline cannot run as written; `problems` names every reason with file and line."""

    def __init__(self, message: str, problems: tuple[str, ...] = ()) -> None:
        """Keep each problem as one printable line."""
        super().__init__(message)
        self.problems = problems


class IllegalTransition(PenstockError):
    """A state machine was asked for a step it does not have: always a fault of ours, never of a user."""


class StoreUnavailable(PenstockError):
    """The database did not answer, or dropped the connection. Nothing of the transaction is kept."""


class StoreContention(PenstockError):
    """The database refused to serialise this transaction (deadlock, busy). Nothing is kept; a repeat may succeed."""
