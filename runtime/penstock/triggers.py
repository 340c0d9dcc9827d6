"""Starting another pipeline from a block."""

from __future__ import annotations

import time

from penstock import session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_ENDED = ("completed", "succeeded", "failed", "cancelled")
_GOOD = ("completed", "succeeded")


class TriggeredRun(dict):  # type: ignore[type-arg]
    """A run that was triggered: a dict with `id` and `status`, readable as attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class TriggeredRunFailed(RuntimeError):
    """The triggered run did not succeed."""


def trigger_pipeline(  # noqa: PLR0913, PLR0917 - Mage's signature, which block code calls
    pipeline_uuid: str,
    variables: dict[str, Any] | None = None,
    check_status: bool = False,  # noqa: FBT001, FBT002
    error_on_failure: bool = False,  # noqa: FBT001, FBT002
    poll_interval: float = 60,
    poll_timeout: float | None = None,
    verbose: bool = True,  # noqa: FBT001, FBT002
    schedule_name: str | None = None,
    **_ignored: Any,
) -> TriggeredRun:
    """Start a run of another pipeline of the project.

    With `check_status` waits for its end, asking each `poll_interval` seconds, at most `poll_timeout` seconds (without
    end when None). Raises TriggeredRunFailed when it does not succeed and `error_on_failure` is set, TimeoutError when
    the wait is over, AskError when the pipeline cannot be run.
    """
    args = {"pipeline": pipeline_uuid, "variables": variables or {}, "trigger_name": schedule_name}
    run = TriggeredRun(session.ask("trigger_pipeline", args))
    if verbose:
        print(f"Triggered {pipeline_uuid}: run {run['id']}")  # noqa: T201 - the block's log, as Mage does
    if not check_status:
        return run
    deadline = None if poll_timeout is None else time.monotonic() + poll_timeout
    while run["status"] not in _ENDED:
        if deadline is not None and time.monotonic() >= deadline:
            raise TimeoutError(f"run {run['id']} of {pipeline_uuid} is {run['status']} after {poll_timeout} seconds")
        time.sleep(poll_interval)
        run = TriggeredRun(session.ask("run_status", {"run_id": run["id"]}))
    if verbose:
        print(f"Run {run['id']} of {pipeline_uuid}: {run['status']}")  # noqa: T201 - the block's log, as Mage does
    if error_on_failure and run["status"] not in _GOOD:
        raise TriggeredRunFailed(f"run {run['id']} of {pipeline_uuid} is {run['status']}")
    return run
