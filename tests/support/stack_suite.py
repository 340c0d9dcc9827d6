"""What every cloud's stacks do, whatever their topology: one suite, which each cloud's tests name in three lines.

Every test runs on the real engine with stand-in providers. Data-holding resources are those that a stack protects.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

from penstock_infra.contract import OUTPUT_NAMES
from penstock_infra.program import main
from penstock_platform.contract import BY_NAME
from penstock_platform.planning import blueprint_of
from penstock_platform.vocabulary import Cloud, Topology
from support.engine.records import EngineFailed, Record
from support.engine.stacks import EngineStack
from support.golden_graphs import differences
from support.stack_configs import blueprint_keys, config_of
from support.stack_secrets import secret_values

TOPOLOGIES = [topology.value for topology in Topology]
LOSING = frozenset({"replace", "delete"})
PASSWORD = "random:index/randomPassword:RandomPassword"
THERE_AND_BACK = ["split", "ha", "autoscale", "ha", "split", "single"]


class StackSuite:
    """Subclass it with `cloud`."""

    cloud: ClassVar[Cloud]

    @pytest.fixture(params=TOPOLOGIES)
    def stack(self, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[EngineStack]:
        """A stack of each topology, not made yet."""
        with EngineStack(tmp_path, main, config_of(self.cloud, request.param)) as stack:
            yield stack

    @pytest.mark.timeout(300)
    def test_a_stack_from_nothing_to_nothing(self, stack):
        planned = stack.preview()
        assert set(planned.counts) == {"create"}
        made = stack.up()
        assert set(made.counts) == {"create"}
        assert urns(made) == urns(planned)
        self.holds_to_the_contract(stack, made)
        self.keeps_its_secrets(stack, made)
        assert differences(stack.graph(), self.cloud, made.outputs["topology"]) == []
        assert [step.urn for step in stack.up().changes] == []
        assert [step.urn for step in stack.refresh().changes] == []
        self.refuses_to_lose_data(stack)
        self.leaves_nothing(stack)

    def holds_to_the_contract(self, stack: EngineStack, made: Record) -> None:
        blueprint = blueprint_of(blueprint_keys(stack._config))
        assert tuple(sorted(made.outputs)) == tuple(sorted(OUTPUT_NAMES))
        assert made.secret_outputs == frozenset()
        assert made.outputs["topology"] == blueprint.topology
        assert made.outputs["url"].startswith(("https://", "http://localhost"))
        assert "@sha256:" in made.outputs["image"]
        assert bool(made.outputs["redisEndpoint"]) == (blueprint.cache is not None)
        assert (made.outputs["webService"] == made.outputs["schedulerService"]) == (len(blueprint.services) == 1)
        assert set(made.outputs["executorSettings"]) <= set(BY_NAME)
        assert made.outputs["monthlyCostEstimate"]["min"] <= made.outputs["monthlyCostEstimate"]["max"]
        assert all(note in made.outputs["nextSteps"] for note in blueprint.notes)

    def keeps_its_secrets(self, stack: EngineStack, made: Record) -> None:
        values = secret_values(stack)
        assert len(values) >= len(blueprint_of(blueprint_keys(stack._config)).secrets)
        said = "\n".join(one.text for one in made.diagnostics) + repr(made.outputs)
        assert [name for name, value in values.items() if value in stack.plain_text_state()] == []
        assert [name for name, value in values.items() if value in said] == []

    def refuses_to_lose_data(self, stack: EngineStack) -> None:
        kept = {one.urn for one in stack.state() if one.protect}
        assert kept
        with pytest.raises(EngineFailed, match="protect"):
            stack.destroy()
        assert kept <= {one.urn for one in stack.state()}

    def leaves_nothing(self, stack: EngineStack) -> None:
        stack.set_config(protectData=False)
        let_go = stack.up()
        assert [step.urn for step in let_go.changes if step.op in LOSING] == []
        stack.destroy()
        assert stack.state() == []
        assert [one.urn for one in stack.cloud.objects.values()] == []

    @pytest.mark.timeout(400)
    def test_topologies_change_without_replacing_data(self, tmp_path):
        with EngineStack(tmp_path, main, config_of(self.cloud, "single")) as stack:
            stack.up()
            data = {one.urn for one in stack.state() if one.protect}
            for topology in THERE_AND_BACK:
                stack.set_config(topology=topology)
                changed = stack.up()
                lost = [step.urn for step in changed.changes if step.op in LOSING and step.urn in data]
                assert lost == [], topology
                assert changed.outputs["topology"] == topology
                assert stack.up().changes == [], topology
            assert data <= {one.urn for one in stack.state()}

    @pytest.mark.timeout(300)
    def test_a_password_is_rotated_without_losing_data(self, tmp_path):
        with EngineStack(tmp_path, main, config_of(self.cloud, "ha")) as stack:
            stack.up()
            data = {one.urn for one in stack.state() if one.protect}
            passwords = [one for one in stack.state() if one.type == PASSWORD and one.name.endswith("-password")]
            for password in passwords:
                rotated = stack.up(replace=[password.urn])
                assert [step.urn for step in rotated.changes if step.op in LOSING and step.urn in data] == []
                assert len(rotated.changes) > 1, f"nothing takes the new {password.name}"
                assert stack.up().changes == []
            assert data <= {one.urn for one in stack.state()}

    def test_a_wrong_config_makes_nothing(self, tmp_path):
        config = config_of(self.cloud, "ha", web={"min": 1}, executors=["nowhere"], topolgy="ha")
        with EngineStack(tmp_path, main, config) as stack:
            with pytest.raises(EngineFailed) as failed:
                stack.up()
            assert stack.cloud.objects == {}
        for key in ("penstock:executors.0", "penstock:topolgy", "penstock:web.min"):
            assert key in str(failed.value)


def urns(record: Record) -> set[str]:
    return {step.urn for step in record.steps}
