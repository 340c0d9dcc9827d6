"""What the Kubernetes tests share: manifests of a config, made once a run on the real engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from support.cluster.objects import Manifest
from support.engine.records import Record
from support.kubernetes.rendering import config_of, manifests_of, stack_of


class Rendered:
    """One stack after `up`: its manifests, its outputs and the state file as it lies on disk."""

    def __init__(self, manifests: list[Manifest], record: Record, state: str) -> None:
        self.manifests, self.record, self.state = manifests, record, state

    @property
    def outputs(self) -> dict[str, Any]:
        return self.record.outputs

    def named(self, kind: str, name: str, namespace: str = "penstock") -> Manifest:
        """Return one manifest; LookupError when there is none."""
        for manifest in self.of(kind):
            metadata = manifest["metadata"]
            if metadata["name"] == name and metadata.get("namespace", namespace) == namespace:
                return manifest
        raise LookupError(f"no {kind} {namespace}/{name}")

    def of(self, kind: str) -> list[Manifest]:
        return [one for one in self.manifests if one["kind"] == kind]

    def container(self, kind: str, name: str) -> Manifest:
        """Return the one container of a workload."""
        spec = self.named(kind, name)["spec"]
        template = spec["jobTemplate"]["spec"]["template"] if kind == "CronJob" else spec["template"]
        (container,) = template["spec"]["containers"]
        return dict(container)

    def steps(self) -> str:
        return "\n".join(self.outputs["nextSteps"])


@pytest.fixture(scope="session")
def rendering(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Rendered]:
    """Return what makes a `Rendered` of a config (the arguments of `config_of`), once for each config."""
    kept: dict[str, Rendered] = {}

    def make(topology: str, *given: str, **others: Any) -> Rendered:
        config = config_of(topology, *given, **others)
        key = json.dumps(config, sort_keys=True)
        if key not in kept:
            with stack_of(tmp_path_factory.mktemp("kubernetes"), config) as stack:
                record = stack.up()
                kept[key] = Rendered(manifests_of(stack), record, stack.plain_text_state())
        return kept[key]

    return make
