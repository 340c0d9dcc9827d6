"""What an operation of the engine did, read from its event stream; and what it left, read from its state file."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.automation.events import EngineEvent, StepEventMetadata

from support.engine.wire import SECRET, SIGNATURE

ROOT_TYPE = "pulumi:pulumi:Stack"
SECRET_MARK = "[secret]"  # stands in the place of one
REPLACING = frozenset({"replace", "create-replacement", "delete-replaced"})


@dataclass(frozen=True)
class Step:
    """One resource in one operation. Paths of properties are wire names: `settings.tier`, `containers[0].image`.

    `op` is create, update, replace, delete, same, read, refresh, discard, import. A replacement is one step.
    """

    op: str
    urn: str
    changed: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()  # those of `changed` that made it a replacement
    deletes_first: bool = False
    protect: bool = False
    inputs: Mapping[str, Any] = field(default_factory=dict)  # as the engine shows them: secrets are "[secret]"

    @property
    def type(self) -> str:
        return type_of(self.urn)

    @property
    def name(self) -> str:
        return name_of(self.urn)


@dataclass(frozen=True)
class Diagnostic:
    """One message: severity is info, info#err, warning or error; `urn` is empty where it is of no resource."""

    severity: str
    text: str
    urn: str


@dataclass
class Record:
    """What one operation did. `outputs` are the stack's, plain; `secret_outputs` names those that are secret.

    At preview an output that is not known yet is wire.UNKNOWN. After destroy there are none.
    """

    kind: str
    steps: list[Step]
    diagnostics: list[Diagnostic]
    seconds: float
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: frozenset[str] = frozenset()

    @property
    def counts(self) -> Counter[str]:
        """Return how many steps of each op: `record.counts["create"]`."""
        return Counter(step.op for step in self.steps)

    @property
    def changes(self) -> list[Step]:
        """Return the steps that change something: not same, read, or a refresh that found all as it was."""
        return [s for s in self.steps if s.op not in {"same", "read"} and (s.op != "refresh" or s.changed)]

    def of(self, target: str) -> list[Step]:
        """Return the steps of a type token or of a name in the program."""
        return [step for step in self.steps if target in {step.type, step.name}]

    def only(self, target: str) -> Step:
        """Return the one step of a type token or name; LookupError when there are none or several."""
        found = self.of(target)
        if len(found) != 1:
            raise LookupError(f"{len(found)} steps are {target!r}, among {sorted(step.urn for step in self.steps)}")
        return found[0]

    @property
    def errors(self) -> str:
        """Return the text of every error."""
        return "\n".join(one.text for one in self.diagnostics if one.severity == "error")


class EngineFailed(Exception):
    """An operation failed; its message is what the engine said, `record` is what it did before."""

    def __init__(self, record: Record, said: str) -> None:
        texts = [f"{name_of(one.urn)}: {one.text}".strip(": ") for one in record.diagnostics if one.severity == "error"]
        super().__init__("\n".join(texts) or said)
        self.record = record


class Recorder:
    """Collects the events of one operation."""

    def __init__(self) -> None:
        self.metadata: list[StepEventMetadata] = []
        self.diagnostics: list[Diagnostic] = []
        self.stack_outputs: dict[str, Any] = {}

    def __call__(self, event: EngineEvent) -> None:
        """Take one event; called from the Automation API's thread."""
        if event.diagnostic_event is not None:
            said = event.diagnostic_event
            if not said.ephemeral:
                self.diagnostics.append(Diagnostic(said.severity, plain_text(said.message), said.urn or ""))
        elif event.resource_pre_event is not None:
            self.metadata.append(event.resource_pre_event.metadata)
        elif event.res_outputs_event is not None:
            self.take_outputs(event.res_outputs_event.metadata)

    def take_outputs(self, metadata: StepEventMetadata) -> None:
        """Take what is only known at the end: the stack's outputs, and what a refresh found."""
        if metadata.type == ROOT_TYPE and metadata.new is not None:
            self.stack_outputs = masked(metadata.new.outputs or {})
        elif metadata.op == "refresh" or self.started_as_refresh(metadata.urn):
            self.metadata = [one for one in self.metadata if one.urn != metadata.urn] + [metadata]

    def started_as_refresh(self, urn: str) -> bool:
        return any(one.urn == urn and one.op == "refresh" for one in self.metadata)

    def steps(self) -> list[Step]:
        """Return one step for each resource, in the order in which they began; the stack itself is left out."""
        by_urn: dict[str, list[StepEventMetadata]] = {}
        for metadata in self.metadata:
            if metadata.type != ROOT_TYPE:
                by_urn.setdefault(metadata.urn, []).append(metadata)
        return [step for found in by_urn.values() for step in steps_of(found)]


def steps_of(found: list[StepEventMetadata]) -> list[Step]:
    """Return the steps of one resource, the parts of a replacement taken as one."""
    parts = [one for one in found if one.op in REPLACING]
    others = [step_of(one, one.op) for one in found if one.op not in REPLACING]
    if not parts:
        return others
    told = next((one for one in parts if one.op == "replace"), parts[0])
    ops = [one.op for one in parts]
    first = (
        "delete-replaced" in ops and ops.index("delete-replaced") < ops.index("replace") if "replace" in ops else False
    )
    return [*others, step_of(told, "replace", deletes_first=first)]


def step_of(metadata: StepEventMetadata, op: str, *, deletes_first: bool = False) -> Step:
    detailed = metadata.detailed_diff or {}
    forced = [path for path, diff in detailed.items() if diff.diff_kind.value.endswith("-replace")]
    state = metadata.new or metadata.old
    return Step(
        op=str(getattr(op, "value", op)),
        urn=metadata.urn,
        changed=tuple(sorted(detailed or metadata.diffs or ())),
        forced=tuple(sorted(forced or metadata.keys or ())),
        deletes_first=deletes_first,
        protect=bool(state and state.protect),
        inputs=masked((state and state.inputs) or {}),
    )


@dataclass(frozen=True)
class StateResource:
    """One resource of the state. Secrets stand as "[secret]"; URNs are whole, `graph` has them short."""

    urn: str
    parent: str | None
    dependencies: tuple[str, ...]
    property_dependencies: Mapping[str, tuple[str, ...]]
    protect: bool
    retain_on_delete: bool
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    id: str
    provider: str

    @property
    def type(self) -> str:
        return type_of(self.urn)

    @property
    def name(self) -> str:
        return name_of(self.urn)


def read_state(path: Path) -> list[StateResource]:
    """Return the resources of a state file, in its order; none when there is no state yet."""
    if not path.exists():
        return []
    latest = json.loads(path.read_text())["checkpoint"].get("latest") or {}
    return [state_resource(entry) for entry in latest.get("resources", [])]


def state_resource(entry: Mapping[str, Any]) -> StateResource:
    return StateResource(
        urn=entry["urn"],
        parent=entry.get("parent"),
        dependencies=tuple(entry.get("dependencies") or ()),
        property_dependencies={k: tuple(v) for k, v in (entry.get("propertyDependencies") or {}).items() if v},
        protect=entry.get("protect", False),
        retain_on_delete=entry.get("retainOnDelete", False),
        inputs=masked(entry.get("inputs", {})),
        outputs=masked(entry.get("outputs", {})),
        id=entry.get("id", ""),
        provider=entry.get("provider", ""),
    )


def masked(value: Any) -> Any:
    """Return a value with the mark in the place of each secret."""
    if isinstance(value, Mapping):
        if value.get(SIGNATURE) == SECRET:
            return SECRET_MARK
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list) else value


def graph_of(resources: list[StateResource]) -> list[dict[str, Any]]:
    """Return the golden form: {type, name, parent, dependencies, protect}, sorted, without stack and project names."""
    entries = [
        {
            "type": one.type,
            "name": one.name,
            "parent": short(one.parent) if one.parent and type_of(one.parent) != ROOT_TYPE else None,
            "dependencies": sorted(short(urn) for urn in one.dependencies),
            "protect": one.protect,
        }
        for one in resources
        if one.type != ROOT_TYPE
    ]
    return sorted(entries, key=lambda entry: (str(entry["type"]), str(entry["name"]), str(entry["parent"])))


def type_of(urn: str) -> str:
    """Return the token of a URN's own type."""
    return urn.split("::")[2].rsplit("$", 1)[-1] if urn else ""


def name_of(urn: str) -> str:
    return urn.split("::", 3)[3] if urn else ""


def short(urn: str) -> str:
    """Return `type::name` of a URN."""
    return f"{type_of(urn)}::{name_of(urn)}"


def plain_text(message: str) -> str:
    """Return a message without the engine's colour marks."""
    parts = message.split("<{%")
    return "".join([parts[0], *(part.split("%}>", 1)[-1] for part in parts[1:])]).strip()
