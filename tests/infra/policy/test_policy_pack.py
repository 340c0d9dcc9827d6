"""The pack as the engine starts it: it prints a port, says what it holds, and answers over gRPC."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc

import penstock_infra.policy
from penstock_infra.policy.rule import ROOT
from penstock_infra.policy.rules import RULES, STACK_RULES
from support.engine.wire import SECRET, SIGNATURE, UNKNOWN

HOME = Path(penstock_infra.policy.__file__).parent
RDS = "aws:rds/instance:Instance"
GOOD = {
    "publiclyAccessible": False,
    "dbSubnetGroupName": "data",
    "vpcSecurityGroupIds": ["sg-1"],
    "storageEncrypted": True,
    "parameterGroupName": "tls",
    "deletionProtection": True,
    "backupRetentionPeriod": 14,
}
SECONDS = 60


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Any]:
    """Return `serve(**config)`: starts the pack for a stack with these `penstock:` keys, and gives its client."""
    started: list[tuple[subprocess.Popen[str], grpc.Channel]] = []

    def start(**config: str) -> analyzer_pb2_grpc.AnalyzerStub:
        keys = json.dumps({f"penstock:{key}": value for key, value in config.items()})
        process = subprocess.Popen(
            [sys.executable, "-u", str(HOME / "__main__.py"), "127.0.0.1:1", "."],
            env={"PATH": os.environ["PATH"], "PULUMI_CONFIG": keys},
            cwd=HOME,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        port = int(process.stdout.readline())
        channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        started.append((process, channel))
        return analyzer_pb2_grpc.AnalyzerStub(channel)

    yield start
    for process, channel in started:
        channel.close()
        process.terminate()
        process.communicate(timeout=SECONDS)


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    found = struct_pb2.Struct()
    found.update(values)
    return found


def resource(kind: str, name: str, props: Mapping[str, Any], *, protect: bool = True) -> dict[str, Any]:
    return {
        "type": kind,
        "name": name,
        "urn": f"urn:pulumi:dev::penstock::{kind}::{name}",
        "properties": struct(props),
        "options": analyzer_pb2.AnalyzerResourceOptions(protect=protect),
    }


def analysed(client: Any, kind: str, props: Mapping[str, Any], *, protect: bool = True) -> dict[str, str]:
    """Return what the pack says of one resource, by rule."""
    answer = client.Analyze(analyzer_pb2.AnalyzeRequest(**resource(kind, "database", props, protect=protect)))
    return {one.policyName: one.message for one in answer.diagnostics}


def stack_analysed(client: Any, *resources: Mapping[str, Any]) -> dict[str, str]:
    asked = analyzer_pb2.AnalyzeStackRequest(resources=[analyzer_pb2.AnalyzerResource(**one) for one in resources])
    return {one.policyName: one.message for one in client.AnalyzeStack(asked).diagnostics}


def test_the_pack_says_what_it_holds(serve):
    info = serve().GetAnalyzerInfo(empty_pb2.Empty())
    assert info.name == "penstock"
    assert [one.name for one in info.policies] == [rule.name for rule in (*RULES, *STACK_RULES)]
    assert {one.enforcementLevel for one in info.policies} == {analyzer_pb2.MANDATORY}
    settings = {one.name: list(one.configSchema.properties.fields) for one in info.policies}
    assert settings["copies-capped"] == ["maxCopies"]


def test_a_bad_resource_is_refused_and_a_good_one_is_not(serve):
    client = serve()
    assert analysed(client, RDS, GOOD) == {}
    found = analysed(client, RDS, {**GOOD, "publiclyAccessible": True, "backupRetentionPeriod": 1})
    assert {name: text.splitlines()[-1] for name, text in found.items()} == {
        "database-private": f"database ({RDS}): the server has a public address; set publiclyAccessible to false",
        "database-backed-up": f"database ({RDS}): backups go too soon; set backupRetentionPeriod to 7 or more",
    }


def test_what_is_not_known_yet_is_no_complaint_and_no_error(serve):
    client = serve()
    assert analysed(client, RDS, {**GOOD, "parameterGroupName": UNKNOWN, "vpcSecurityGroupIds": [UNKNOWN]}) == {}
    assert analysed(client, "aws:iam/rolePolicy:RolePolicy", {"role": UNKNOWN, "policy": UNKNOWN}) == {}


def test_a_secret_in_an_environment_is_seen_though_the_engine_hides_it(serve):
    variable = {"name": "REDIS_URL", "value": {SIGNATURE: SECRET, "value": "rediss://:p@cache:6379"}}
    template = {"containers": [{"image": "r/p@sha256:" + "5e" * 32, "envs": [variable]}]}
    found = analysed(serve(), "gcp:cloudrunv2/workerPool:WorkerPool", {"template": template})
    assert "REDIS_URL" in found["no-plain-secret"]


def test_the_stack_s_own_config_decides_whether_data_is_protected(serve):
    loose = {**GOOD, "deletionProtection": False}
    assert set(analysed(serve(), RDS, loose, protect=False)) == {"data-protected", "database-protected"}
    assert analysed(serve(protectData="false"), RDS, loose, protect=False) == {}


def test_the_config_of_the_pack_goes_before_the_stack_s(serve):
    client = serve(monthlyBudget="1000")
    root = resource(ROOT, "dev", {"topology": "ha", "monthlyCostEstimate": {"max": 400}})
    database = resource(RDS, "database", {"multiAz": False})
    assert set(stack_analysed(client, root, database)) == {"database-survives"}
    own = analyzer_pb2.PolicyConfig(enforcementLevel=analyzer_pb2.MANDATORY, properties=struct({"monthlyBudget": 300}))
    client.Configure(analyzer_pb2.ConfigureAnalyzerRequest(policyConfig={"within-budget": own}))
    assert "the budget is 300" in stack_analysed(client, root, database)["within-budget"]


def test_a_secret_in_an_output_is_seen_though_the_engine_hides_it(serve):
    code = {SIGNATURE: SECRET, "value": "aVeryLongOwnerCode123456"}
    made = resource("random:index/randomPassword:RandomPassword", "owner-code", {"result": code})
    root = resource(ROOT, "dev", {"nextSteps": [f"the code is {code['value']}"]})
    assert set(stack_analysed(serve(), root, made)) == {"no-secret-in-outputs"}
