"""Services, jobs and image on Azure: probes, mounts, secrets by reference, revisions, scaling."""

from __future__ import annotations

import json

import pytest

from penstock_infra.azure.containers import probe
from penstock_infra.program import main
from penstock_platform.blueprint import Probe
from support.engine.schemas import schema_of
from support.engine.stacks import EngineStack
from support.stack_configs import DIGEST, config_of


def container(stack, name, kind="app:ContainerApp"):
    (found,) = stack.inputs(kind, name)["template"]["containers"]
    return found


def scale(stack, name):
    return stack.inputs("app:ContainerApp", name)["template"]["scale"]


def test_secrets_are_references_to_the_vault_read_as_the_apps_own_identity(made):
    stack = made("ha")
    vault = stack.inputs("keyvault:Vault")["vaultName"]
    for name in ("web", "scheduler"):
        identity = stack.one("managedidentity:UserAssignedIdentity", name).id
        secrets = stack.inputs("app:ContainerApp", name)["configuration"]["secrets"]
        assert secrets
        for secret in secrets:
            assert secret["keyVaultUrl"].startswith(f"https://{vault}.vault.azure.net/secrets/{secret['name']}")
            assert secret["identity"] == identity
            assert "value" not in secret


def test_no_secret_value_is_in_an_app_or_a_job(made):
    stack = made("ha")
    values = [one.inputs["properties"]["value"] for one in stack.all("keyvault:Secret")]
    assert len(values) == 4
    text = json.dumps([one.inputs for kind in ("app:ContainerApp", "app:Job") for one in stack.all(kind)])
    assert [value for value in values if value in text] == []


def test_redis_is_told_whole_with_its_key_quoted(made):
    stack = made("ha")
    host = stack.one("redisenterprise:RedisEnterprise").outputs["hostName"]
    value = stack.one("keyvault:Secret", "redis-url").inputs["properties"]["value"]
    assert value.startswith("rediss://:")
    assert value.endswith(f"%2B%2F%3D@{host}:10000/0")


def test_a_changed_secret_makes_a_revision_and_nothing_else_does(tmp_path):
    with EngineStack(tmp_path, main, config_of("azure", "single", image=DIGEST, protectData=False)) as stack:
        stack.up()
        before = [one for one in container_of(stack) if one["name"] == "REFERENCES_VERSION"]
        stack.cloud.vanish("owner-code")  # the generated value in the account: a new one is made
        stack.refresh()
        changed = stack.up()
        after = [one for one in container_of(stack) if one["name"] == "REFERENCES_VERSION"]
        assert before != after
        assert "azure-native:app:ContainerApp" in {step.type for step in changed.changes}
        assert stack.up().changes == []


def container_of(stack):
    return stack.cloud.only("azure-native:app:ContainerApp").inputs["template"]["containers"][0]["env"]


def test_every_service_has_the_share_and_empty_folders_of_its_own(made):
    stack = made("ha")
    for name in ("web", "scheduler"):
        template = stack.inputs("app:ContainerApp", name)["template"]
        assert {one["name"]: one["storageType"] for one in template["volumes"]} == {
            "share": "NfsAzureFile", "state": "EmptyDir", "tmp": "EmptyDir",
        }  # fmt: skip
        mounts = {one["mountPath"]: one["volumeName"] for one in container(stack, name)["volumeMounts"]}
        assert mounts == {"/mnt/penstock": "share", "/var/lib/penstock": "state", "/tmp": "tmp"}
    account = stack.inputs("storage:StorageAccount", "files")["accountName"]
    assert stack.inputs("app:ManagedEnvironmentsStorage")["properties"]["nfsAzureFile"] == {
        "server": f"{account}.file.core.windows.net",
        "shareName": f"/{account}/penstock",
        "accessMode": "ReadWrite",
    }


def test_the_start_container_sees_the_share_and_nothing_else(made):
    app = made("split").inputs("app:ContainerApp", "scheduler")
    (start,) = app["template"]["initContainers"]
    assert set(start) == {"name", "image", "command", "resources", "volumeMounts"}
    assert "chown 10001:10001 /mnt/penstock/project /mnt/penstock/data" in start["command"][-1]
    assert {one["lifecycle"] for one in app["configuration"]["identitySettings"]} == {"Main"}


def test_an_account_with_an_nfs_share_takes_plain_traffic_and_it_is_said(made):
    stack = made("single")
    files = stack.inputs("storage:StorageAccount", "files")
    assert (files["kind"], files["sku"]["name"], files["enableHttpsTrafficOnly"]) == (
        "FileStorage",
        "Premium_ZRS",
        False,
    )
    share = stack.inputs("storage:FileShare")
    assert (share["enabledProtocols"], share["rootSquash"]) == ("NFS", "NoRootSquash")
    assert any(step.startswith("Not encrypted: the share's traffic") for step in stack.outputs["nextSteps"])


@pytest.mark.parametrize(("period", "failures"), [(5, 60), (10, 3), (5, 2), (1, 10)])
def test_a_probe_is_as_patient_as_planned_within_what_the_platform_counts(period, failures):
    made = probe("Startup", Probe(path="/healthz", port=1, period_seconds=period, failures=failures))
    assert made["failure_threshold"] <= 10
    assert made["period_seconds"] * made["failure_threshold"] >= period * failures


def test_bounds_and_rules_of_scaling(made):
    assert scale(made("split"), "web") == {"minReplicas": 1, "maxReplicas": 1}
    assert scale(made("ha"), "scheduler") == {"minReplicas": 2, "maxReplicas": 2}
    web = scale(made("autoscale"), "web")
    assert (web["minReplicas"], web["maxReplicas"], web["cooldownPeriod"]) == (2, 6, 120)
    assert {rule["name"]: rule.get("http", rule.get("custom"))["metadata"] for rule in web["rules"]} == {
        "requests": {"concurrentRequests": "100"},
        "cpu": {"type": "Utilization", "value": "60"},
    }
    assert scale(made("autoscale"), "scheduler") == {"minReplicas": 2, "maxReplicas": 6}


def test_what_the_scaler_sets_is_left_alone_and_what_nobody_sets_is_not(tmp_path):
    with EngineStack(tmp_path, main, config_of("azure", "autoscale", image=DIGEST)) as stack:
        stack.up()
        for name, expected in (("scheduler", []), ("web", ["web"])):
            app = next(one for one in stack.cloud.live("azure-native:app:ContainerApp") if one.name == name)
            app.inputs["template"]["scale"]["minReplicas"] = 4
            app.outputs["template"]["scale"]["minReplicas"] = 4
            stack.refresh()
            assert [step.name for step in stack.up().changes] == expected


def test_the_scaler_is_told_its_target(made):
    stack = made("autoscale")
    settings = stack.outputs["executorSettings"]
    assert settings["PENSTOCK_SCALER_TARGET"] == stack.one("app:ContainerApp", "scheduler").id
    assert (settings["PENSTOCK_SCALER_MIN"], settings["PENSTOCK_SCALER_MAX"]) == ("2", "6")
    names = {"scheduler", "spark", "scaler"}
    carried = stack.inputs("app:ContainerApp", "scheduler")["identity"]["userAssignedIdentities"]
    assert set(carried) == {stack.one("managedidentity:UserAssignedIdentity", name).id for name in names}


def test_jobs_have_one_try_the_planned_time_and_no_share(made):
    stack = made("split")
    assert {one.name for one in stack.all("app:Job")} == {"job-small", "job-medium", "job-large"}
    for one in stack.all("app:Job"):
        configuration = one.inputs["configuration"]
        assert (configuration["triggerType"], configuration["replicaRetryLimit"]) == ("Manual", 0)
        assert configuration["replicaTimeout"] == 86400
        assert "secrets" not in configuration
        assert {volume["storageType"] for volume in one.inputs["template"]["volumes"]} == {"EmptyDir"}
        assert container(stack, one.name, "app:Job")["args"] == ["job"]
        assert [e["name"] for e in container(stack, one.name, "app:Job")["env"]] == ["PENSTOCK_JOBS_URL"]


def test_a_given_image_is_used_and_none_is_built(made):
    stack = made("split")
    assert not [one for one in stack.world.objects.values() if one.token.startswith("docker-build")]
    assert container(stack, "web")["image"] == stack.outputs["image"] == DIGEST


def test_a_built_image_is_pushed_with_the_registrys_own_token_and_used_by_digest(made):
    stack = made("built")
    (image,) = [one for one in stack.world.objects.values() if one.token == "docker-build:index:Image"]
    server = stack.one("containerregistry:Registry").outputs["loginServer"]
    assert image.inputs["registries"] == [
        {"address": server, "username": "00000000-0000-0000-0000-000000000000", "password": "a token of the registry"}
    ]
    assert container(stack, "penstock")["image"].startswith(f"{server}/penstock@sha256:")
    state = next(one for one in stack.state if one.type == "docker-build:index:Image")
    assert state.inputs["registries"] in ("[secret]", [{**image.inputs["registries"][0], "password": "[secret]"}])


def test_the_registry_has_no_admin_and_no_guests(made):
    registry = made("ha").inputs("containerregistry:Registry")
    assert (registry["adminUserEnabled"], registry["anonymousPullEnabled"]) == (False, False)


def test_everything_that_takes_tags_has_them(made):
    stack = made("ha-watched")
    expected = {"app": "penstock", "stack": "a-very--long-name-20", "topology": "ha", "team": "data"}
    without = [
        one.name
        for one in stack.world.objects.values()
        if one.token.startswith("azure-native:")
        and "tags" in schema_of(one.token).inputs
        and not expected.items() <= (one.inputs.get("tags") or {}).items()
    ]
    assert without == []


def test_tags_of_one_run_are_not_those_of_the_next(made):
    made("ha-watched")
    assert "team" not in made("split").inputs("network:VirtualNetwork")["tags"]
