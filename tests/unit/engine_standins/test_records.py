"""Steps from the engine's events, and the state file in its masked and golden forms."""

from __future__ import annotations

import json

import pytest
from pulumi.automation.events import EngineEvent

from support.engine.records import EngineFailed, Record, Recorder, Step, graph_of, masked, plain_text, read_state
from support.engine.wire import SECRET, SIGNATURE

STACK = "urn:pulumi:dev::penstock::pulumi:pulumi:Stack::penstock-dev"
VPC = "urn:pulumi:dev::penstock::penstock:index:Network$aws:ec2/vpc:Vpc::net"
GROUP = "urn:pulumi:dev::penstock::penstock:index:Network::network"


def pre(op, urn=VPC, **more):
    return {"resourcePreEvent": {"metadata": {"op": op, "urn": urn, "type": urn.split("::")[2].split("$")[-1], **more}}}


def recorded(*events):
    recorder = Recorder()
    for number, event in enumerate(events):
        recorder(EngineEvent.from_json({"sequence": number, "timestamp": 0, **event}))
    return recorder


def test_a_step_names_what_changed():
    detailed = {"tags.size": {"diffKind": "update"}, "cidrBlock": {"diffKind": "update-replace"}}
    (step,) = recorded(pre("update", detailedDiff=detailed)).steps()
    assert (step.op, step.type, step.name) == ("update", "aws:ec2/vpc:Vpc", "net")
    assert (step.changed, step.forced) == (("cidrBlock", "tags.size"), ("cidrBlock",))


def test_a_replacement_is_one_step_that_knows_its_order():
    (step,) = recorded(pre("create-replacement"), pre("replace"), pre("delete-replaced")).steps()
    assert (step.op, step.deletes_first) == ("replace", False)
    (step,) = recorded(pre("delete-replaced"), pre("replace"), pre("create-replacement")).steps()
    assert (step.op, step.deletes_first) == ("replace", True)


def test_the_stack_itself_is_no_step_but_has_the_outputs():
    secret = {SIGNATURE: SECRET, "ciphertext": "x"}
    metadata = {"op": "create", "urn": STACK, "type": "pulumi:pulumi:Stack"}
    new = {"urn": STACK, "type": "pulumi:pulumi:Stack", "outputs": {"url": "https://x", "password": secret}}
    recorder = recorded(pre("create", STACK), {"resOutputsEvent": {"metadata": {**metadata, "new": new}}})
    assert recorder.steps() == []
    assert recorder.stack_outputs == {"url": "https://x", "password": "[secret]"}


def test_diagnostics_lose_their_colours_and_passing_ones_are_dropped():
    said = {"message": "<{%fg 1%}>error:<{%reset%}> no\n", "severity": "error", "color": "never", "urn": VPC}
    recorder = recorded({"diagnosticEvent": said}, {"diagnosticEvent": {**said, "ephemeral": True}})
    (diagnostic,) = recorder.diagnostics
    assert (diagnostic.severity, diagnostic.text, diagnostic.urn) == ("error", "error: no", VPC)
    failure = EngineFailed(Record("up", [], recorder.diagnostics, 0.1), "code: 255")
    assert str(failure) == "net: error: no"
    assert str(EngineFailed(Record("up", [], [], 0.1), "code: 255")) == "code: 255"


def test_a_record_counts_finds_and_leaves_out_what_did_not_change():
    steps = [Step("same", GROUP), Step("refresh", VPC), Step("read", VPC), Step("delete", VPC.replace("net", "old"))]
    record = Record("up", steps, [], 0.1)
    assert record.counts == {"same": 1, "refresh": 1, "read": 1, "delete": 1}
    assert [step.name for step in record.changes] == ["old"]
    assert record.only("penstock:index:Network") == steps[0]
    with pytest.raises(LookupError, match="3 steps are"):
        record.only("aws:ec2/vpc:Vpc")


def test_secrets_are_masked_at_any_depth():
    secret = {SIGNATURE: SECRET, "ciphertext": "v1:..."}
    assert masked({"a": [{"b": secret}], "c": 1}) == {"a": [{"b": "[secret]"}], "c": 1}


def test_colour_marks_are_taken_out():
    assert plain_text("<{%fg 1%}>a<{%reset%}> b {x}") == "a b {x}"


def test_the_state_file_is_read_and_its_graph_has_no_stack_in_it(tmp_path):
    resources = [
        {"urn": STACK, "type": "pulumi:pulumi:Stack"},
        {"urn": GROUP, "parent": STACK},
        {
            "urn": VPC,
            "parent": GROUP,
            "id": "vpc-1",
            "protect": True,
            "retainOnDelete": True,
            "dependencies": [GROUP],
            "propertyDependencies": {"cidrBlock": [GROUP], "tags": None},
        },
    ]
    path = tmp_path / "dev.json"
    path.write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))
    vpc = read_state(path)[-1]
    assert (vpc.id, vpc.protect, vpc.retain_on_delete) == ("vpc-1", True, True)
    assert vpc.property_dependencies == {"cidrBlock": (GROUP,)}
    graph = graph_of(read_state(path))
    assert graph == [
        {
            "type": "aws:ec2/vpc:Vpc",
            "name": "net",
            "parent": "penstock:index:Network::network",
            "dependencies": ["penstock:index:Network::network"],
            "protect": True,
        },
        {"type": "penstock:index:Network", "name": "network", "parent": None, "dependencies": [], "protect": False},
    ]
    assert "dev" not in json.dumps(graph)


def test_no_state_file_is_no_resources(tmp_path):
    assert read_state(tmp_path / "none.json") == []
