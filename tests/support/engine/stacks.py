"""A stack on the real Pulumi engine, with stand-in providers and an inline program. What infra tests use:

    stack = EngineStack(tmp_path, program, config={"penstock:cloud": "aws", "penstock:owners": ["a@example.com"]})
    with stack:
        record = stack.up()
        assert record.counts["create"] == 12
        assert record.outputs["url"].startswith("https://")
        assert stack.up().changes == []
        stack.set_config({"penstock:topology": "ha"})
        assert stack.preview().only("aws:rds/instance:Instance").op == "update"
        stack.cloud.fail_create("aws:rds/instance:Instance", "InsufficientDBInstanceCapacity")

In tests take the fixture `engine_stack` (tests/infra/conftest.py), which closes it. `program` is any callable without
arguments; it runs in this process, so it may be a closure and may note what it sees.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from pulumi import automation
from pulumi.automation._stack import StackInitMode

from support.engine.binary import engine_command
from support.engine.facts import CloudFacts
from support.engine.leftovers import ProgramRun
from support.engine.providers import StandIns
from support.engine.records import (
    ROOT_TYPE,
    SECRET_MARK,
    EngineFailed,
    Record,
    Recorder,
    StateResource,
    graph_of,
    read_state,
)
from support.engine.tokens import ROOT
from support.engine.world import World

PROJECT = "penstock"
PASSPHRASE = "a passphrase for tests"  # it guards nothing
Program = Callable[[], Any]


class LeanStack(automation.Stack):
    """An Automation API stack that does not ask the engine three times after each `up` for what the state says."""

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: FBT001, FBT002 - the API's signature
        now = datetime.now(UTC)
        return automation.UpdateSummary("update", now, message="", environment={}, config={}, result="succeeded")


class EngineStack:
    """One stack of the project, its config file as an operator would write it, and the account that it is made in.

    `config` values may be strings, numbers, booleans, lists and dicts; keys without a namespace are the project's.
    `secrets` are set as `pulumi config set --secret` would. `cloud` is the account (world.World): what exists, failures
    to put in, drift; two stacks may share one. `facts` replaces the catalogue of a package. `declared` replaces the
    config declarations of the repository's Pulumi.yaml, which the engine checks `config` against ({} for a program of
    your own).
    """

    def __init__(
        self,
        folder: Path,
        program: Program,
        config: Mapping[str, Any] | None = None,
        *,
        secrets: Mapping[str, str] | None = None,
        name: str = "dev",
        **others: Any,
    ) -> None:
        self.folder, self.program, self.name = folder, program, name
        self.cloud: World = others.pop("cloud", None) or World()
        facts: Mapping[str, CloudFacts] | None = others.pop("facts", None)
        self._declared: Mapping[str, Any] | None = others.pop("declared", None)
        assert not others, f"unknown arguments: {sorted(others)}"
        self._stand_ins = StandIns(self.cloud, facts)
        self._stack: LeanStack | None = None
        self._config, self._secrets = dict(config or {}), dict(secrets or {})

    def __enter__(self) -> Self:
        self._stand_ins.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stand_ins.__exit__(kind, error, trace)

    # What tests do with it

    def preview(self, **options: Any) -> Record:
        """Return what `up` would do; EngineFailed."""
        return self._run("preview", **options)

    def up(self, **options: Any) -> Record:
        """Make it so; EngineFailed."""
        return self._run("up", **options)

    def refresh(self, **options: Any) -> Record:
        """Take over what the cloud says; EngineFailed."""
        return self._run("refresh", **options)

    def destroy(self, **options: Any) -> Record:
        """Delete everything; EngineFailed."""
        return self._run("destroy", **options)

    def set_config(self, config: Mapping[str, Any] | None = None, **of_project: Any) -> None:
        """Change config; None takes a key away."""
        for key, value in {**(config or {}), **of_project}.items():
            self._config[key] = value
        if self._stack is not None:
            self._write_config()

    def state(self) -> list[StateResource]:
        """Return the resources of the state, secrets masked."""
        return read_state(self.state_path)

    def resource(self, target: str) -> StateResource:
        """Return the one resource of a type token or name; LookupError when there are none or several."""
        found = [one for one in self.state() if target in {one.type, one.name}]
        if len(found) != 1:
            raise LookupError(f"{len(found)} resources are {target!r}: {[one.urn for one in found]}")
        return found[0]

    def plain_text_state(self) -> str:
        """Return the state file as it lies on disk."""
        return self.state_path.read_text()

    def graph(self) -> list[dict[str, Any]]:
        """Return the golden form of the state: [{type, name, parent, dependencies, protect}], sorted."""
        return graph_of(self.state())

    @property
    def state_path(self) -> Path:
        return self.folder / "state" / ".pulumi" / "stacks" / PROJECT / f"{self.name}.json"

    # How

    def _run(self, kind: str, **options: Any) -> Record:
        stack, recorder, began = self._opened(), Recorder(), time.monotonic()
        failure: automation.CommandError | None = None
        try:
            with ProgramRun(self.program) as run:
                stack.workspace.program = run
                getattr(stack, kind)(on_event=recorder, **options)
        except automation.CommandError as error:
            failure = error
        record = Record(kind, recorder.steps(), recorder.diagnostics, time.monotonic() - began)
        if failure is not None:
            raise EngineFailed(record, str(failure)) from None
        self._add_outputs(record, recorder)
        return record

    def _add_outputs(self, record: Record, recorder: Recorder) -> None:
        """Preview: what the events say. Otherwise the state, and the engine's own word for what is secret there."""
        if record.kind == "preview":
            outputs = recorder.stack_outputs
        else:
            outputs = dict(next((one.outputs for one in self.state() if one.type == ROOT_TYPE), {}))
        record.secret_outputs = frozenset(name for name, value in outputs.items() if value == SECRET_MARK)
        if record.kind != "preview" and SECRET_MARK in json.dumps(outputs):
            outputs = {name: one.value for name, one in self._opened().workspace.stack_outputs(self.name).items()}
        record.outputs = dict(outputs)

    def _opened(self) -> LeanStack:
        """Make the project's folder and the stack on first use."""
        if self._stack is None:
            for folder in ("work", "state", "home"):
                (self.folder / folder).mkdir(parents=True, exist_ok=True)
            (self.folder / "work" / "Pulumi.yaml").write_text(yaml.safe_dump(project_settings(self._declared)))
            workspace = automation.LocalWorkspace(
                work_dir=str(self.folder / "work"),
                pulumi_home=str(self.folder / "home"),
                program=self.program,
                env_vars=self._environment(),
                pulumi_command=engine_command(),
            )
            mode = StackInitMode.SELECT if self.state_path.exists() else StackInitMode.CREATE
            self._stack = LeanStack(self.name, workspace, mode)
            self._write_config()
            if self._secrets:
                given = {key: automation.ConfigValue(value, secret=True) for key, value in self._secrets.items()}
                self._stack.set_all_config(given)
        return self._stack

    def _environment(self) -> dict[str, str]:
        return {
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_DEBUG_PROVIDERS": self._stand_ins.attachments,
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
            "PULUMI_SKIP_CHECKPOINTS": "true",
        }

    def _write_config(self) -> None:
        """Write Pulumi.<stack>.yaml: our values beside what the engine keeps there (the salt, encrypted secrets)."""
        path = self.folder / "work" / f"Pulumi.{self.name}.yaml"
        settings = yaml.safe_load(path.read_text()) if path.exists() else {}
        kept = {key: value for key, value in (settings.get("config") or {}).items() if is_secure(value)}
        ours = {key if ":" in key else f"{PROJECT}:{key}": value for key, value in self._config.items()}
        ours.setdefault("pulumi:disable-default-providers", ["*"])
        settings["config"] = {**kept, **{key: value for key, value in ours.items() if value is not None}}
        path.write_text(yaml.safe_dump(settings))


def is_secure(value: Any) -> bool:
    return isinstance(value, dict) and set(value) == {"secure"}


def project_settings(declared: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return Pulumi.yaml for the tests: the repository's config declarations, and no folder to run from."""
    ours = ROOT / "Pulumi.yaml"
    if declared is None:
        declared = yaml.safe_load(ours.read_text()).get("config", {}) if ours.exists() else {}
    return {"name": PROJECT, "runtime": "python", "config": dict(declared)}
