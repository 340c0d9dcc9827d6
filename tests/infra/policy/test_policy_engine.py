"""`pulumi preview --policy-pack infra/penstock_infra/policy` on the real engine: it starts the pack and obeys it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

import penstock_infra.policy
from penstock_infra.program import main
from penstock_platform.vocabulary import Cloud, Topology
from support.engine.records import EngineFailed
from support.stack_configs import config_of

PACK = str(Path(penstock_infra.policy.__file__).parent)
BOOTER = "pulumi-analyzer-policy-python"


@pytest.fixture
def booter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put what boots a pack of Python on PATH: it comes with a whole Pulumi, and tests have the engine alone."""
    folder = tmp_path / "booter"
    folder.mkdir()
    script = folder / BOOTER
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -u "{PACK}/__main__.py" "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def broken(**properties: Any) -> Callable[[], None]:
    """Return the program of the stack with other properties of its database."""

    def changed(made: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if made.type_ != "aws:rds/instance:Instance":
            return None
        return pulumi.ResourceTransformationResult({**made.props, **properties}, made.opts)

    def program() -> None:
        pulumi.runtime.register_stack_transformation(changed)
        main()

    return program


@pytest.mark.parametrize(("cloud", "keys"), [(Cloud.AWS, {}), (Cloud.KUBERNETES, {"protectData": False})], ids=str)
def test_the_engine_finds_nothing_against_a_stack(engine_stack, booter, cloud, keys):
    """The pack gets the stack's own config from the engine: unprotected data is what that one asks for."""
    stack = engine_stack(main, config_of(cloud, Topology.HA, **keys))
    said: list[str] = []
    assert stack.preview(policy_packs=[PACK], on_output=said.append).counts["create"] > 40
    assert "penstock@v0.1.0" in "".join(said)
    assert "mandatory" not in "".join(said)


REFUSED = [
    ({"publicly_accessible": True}, Topology.SINGLE, "database-private", "set publiclyAccessible to false"),
    ({"multi_az": False}, Topology.HA, "database-survives", "set multiAz to true"),
]


@pytest.mark.parametrize(("properties", "topology", "rule", "text"), REFUSED, ids=["a resource", "a stack"])
def test_the_engine_refuses_a_stack_that_breaks_a_rule(engine_stack, booter, properties, topology, rule, text):
    said: list[str] = []
    with pytest.raises(EngineFailed):
        engine_stack(broken(**properties), config_of(Cloud.AWS, topology)).preview(
            policy_packs=[PACK], on_output=said.append
        )
    assert rule in "".join(said)
    assert text in "".join(said)


def test_up_looks_at_what_was_made(engine_stack, booter):
    said: list[str] = []
    stack = engine_stack(main, config_of(Cloud.KUBERNETES, Topology.SINGLE))
    assert stack.up(policy_packs=[PACK], on_output=said.append).counts["create"] > 40
    assert "mandatory" not in "".join(said)
