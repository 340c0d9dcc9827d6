"""Made-up outputs are right in type, and the same in each run."""

from __future__ import annotations

from support.engine.checking import Checker
from support.engine.facts import Made
from support.engine.made_up import made_up_outputs
from support.engine.schemas import ObjectShape, ResourceSchema

OUTPUTS = {
    "arn": "string",
    "port": "integer",
    "ready": "boolean",
    "mode": {"enum": ["a", "b"], "open": True},
    "labels": {"map": "string"},
    "secrets": {"list": {"object": "secret"}},
    "either": {"union": ["integer", "string"]},
    "loop": {"object": "loop"},
}
SCHEMA = ResourceSchema(
    "cloud:index:Thing",
    {},
    [],
    OUTPUTS,
    {"secret": ObjectShape({"secretArn": "string"}, []), "loop": ObjectShape({"loop": {"object": "loop"}}, [])},
)


def made(seed="one"):
    return Made("cloud:index:Thing", "web", {}, seed)


def test_every_output_has_a_value_of_its_type():
    outputs = made_up_outputs(SCHEMA, made())
    assert set(outputs) == set(OUTPUTS)
    as_inputs = ResourceSchema("cloud:index:Thing", OUTPUTS, list(OUTPUTS), {}, SCHEMA.objects)
    assert Checker(as_inputs, open_enums=False).problems(outputs) == []
    assert outputs["secrets"][0]["secretArn"].startswith("secretArn-")


def test_values_follow_the_seed():
    assert made_up_outputs(SCHEMA, made()) == made_up_outputs(SCHEMA, made())
    assert made_up_outputs(SCHEMA, made())["arn"] != made_up_outputs(SCHEMA, made("two"))["arn"]
