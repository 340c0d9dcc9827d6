"""Answers what running blocks ask for: secrets, connection profiles, runs of other pipelines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.domain.runs import Run
from penstock_runtime.ports.executor import BrokerRefusal
from penstock_runtime.ports.secret_store import SecretNotFound
from penstock_runtime.runs.create import CreateRun, create_run
from penstock_runtime.runs.services import RunServices


@dataclass(frozen=True, slots=True)
class WorkBroker:
    """See ports.executor.Broker.

    `secret` returns a secret's value and notes who read it: (name, attempt id). `io_profile` renders a connection
    profile of a run's code: (bundle, profile, path of the file in the project or None).
    """

    services: RunServices
    secret: Callable[[str, str], str]
    io_profile: Callable[[str, str, str | None], Mapping[str, Any]]

    def answer(self, attempt_id: str, what: str, args: Mapping[str, Any]) -> object:
        """Return the JSON value that was asked for (null: no such secret); BrokerRefusal says why not."""
        try:
            if what == "secret":
                return self._secret(str(args["name"]), attempt_id)
            if what == "io_config":
                run = self._run_of(attempt_id)
                return dict(self.io_profile(run.bundle, str(args.get("profile") or "default"), args.get("path")))
            if what == "trigger_pipeline":
                return self._trigger(attempt_id, args)
            if what == "run_status":
                return self._status(str(args["run_id"]))
        except PenstockError as error:
            raise BrokerRefusal(str(error)) from error
        raise BrokerRefusal(f"nothing here answers {what!r}")

    def _secret(self, name: str, attempt_id: str) -> str | None:
        """Return a value; None for a secret that is not there, which block code may ask for to find out."""
        try:
            return self.secret(name, attempt_id)
        except SecretNotFound:
            return None

    def _run_of(self, attempt_id: str) -> Run:
        with self.services.store.transaction(read_only=True) as tx:
            attempt = tx.attempt(attempt_id)
            run = tx.run(attempt.run_id) if attempt else None
        if run is None:
            raise BrokerRefusal("this attempt is not known any more")
        return run

    def _trigger(self, attempt_id: str, args: Mapping[str, Any]) -> Mapping[str, Any]:
        parent = self._run_of(attempt_id)
        request = CreateRun(
            pipeline=str(args["pipeline"]),
            variables=args.get("variables") or {},
            # One attempt that asks twice for the same gets two runs, as Mage gives; it says who asked.
            created_by=f"run:{parent.id}",
        )
        run, _ = create_run(self.services, request)
        return {"id": run.id, "status": run.status.value, "pipeline_uuid": run.pipeline}

    def _status(self, run_id: str) -> Mapping[str, Any]:
        with self.services.store.transaction(read_only=True) as tx:
            run = tx.run(run_id)
        if run is None:
            raise BrokerRefusal(f"no run {run_id!r}")
        return {"id": run.id, "status": run.status.value, "pipeline_uuid": run.pipeline}
