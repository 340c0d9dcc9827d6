"""Cloud Run: what runs, with what in it, and how it scales."""

from __future__ import annotations

import pytest

from penstock_infra.program import main
from penstock_platform.contract import BY_NAME
from support.engine.clouds import gcp_tokens as t

DOMAIN = {"domain": "pipes.example.com", "spark": {"mode": "shared"}}


def container(inputs):
    (one,) = inputs["template"]["containers"]
    return one


def variables(inputs):
    return {one["name"]: one for one in container(inputs)["envs"]}


def test_single_is_one_service_that_never_sleeps(made):
    stack = made("single")
    assert t.POOL not in stack.tokens
    service = stack.one(t.SERVICE)
    assert service["template"]["scaling"] == {"minInstanceCount": 1, "maxInstanceCount": 1}
    assert container(service)["resources"] == {
        "limits": {"cpu": "1", "memory": "2Gi"},
        "cpuIdle": False,
        "startupCpuBoost": True,
    }
    assert variables(service)["INSTANCE_TYPE"]["value"] == "server_and_scheduler"
    assert stack.record.outputs["webService"] == stack.record.outputs["schedulerService"] == "penstock"


def test_split_is_a_service_and_a_pool(made):
    stack = made("split")
    pool = stack.one(t.POOL)
    assert pool["scaling"] == {"scalingMode": "MANUAL", "manualInstanceCount": 1}
    assert variables(pool)["INSTANCE_TYPE"]["value"] == "scheduler"
    assert "PENSTOCK_OWNER_CODE" not in variables(pool)
    assert stack.record.outputs["schedulerService"] == "penstock-scheduler"


def test_the_web_service_keeps_its_name_and_so_its_address(made):
    assert {made(topology).one(t.SERVICE)["name"] for topology in ("single", "split")} == {"penstock"}


def test_secrets_are_references_to_a_version(made):
    stack = made("ha", exposure="private", spark={"mode": "serverless"})
    for inputs in (stack.one(t.SERVICE), stack.one(t.POOL)):
        for name, one in variables(inputs).items():
            secret = BY_NAME[name].secret
            assert ("valueSource" in one) is secret, name
            if secret:
                version = one["valueSource"]["secretKeyRef"]["version"]
                assert version.isdigit(), f"{name}: `latest` would change without a revision"


def test_authorities_are_mounted_as_files_and_named_to_the_program(made):
    service = made("ha", exposure="private", spark={"mode": "serverless"}).one(t.SERVICE)
    mounts = {one["name"]: one["mountPath"] for one in container(service)["volumeMounts"]}
    assert mounts == {
        "share": "/mnt/penstock",
        "database-authority": "/etc/penstock/database-authority",
        "redis-authority": "/etc/penstock/redis-authority",
    }
    assert variables(service)["PENSTOCK_CA_FILE"]["value"] == "/etc/penstock/database-authority/ca.pem"
    assert variables(service)["PENSTOCK_DB_SSLMODE"]["value"] == "verify-ca"
    files = {one["name"]: one["secret"]["items"] for one in service["template"]["volumes"] if "secret" in one}
    assert all(items[0]["path"] == "ca.pem" and items[0]["version"].isdigit() for items in files.values())


def test_a_stopping_container_ends_its_blocks_before_cloud_run_kills_it(made):
    stack = made("split")
    for token in (t.SERVICE, t.POOL):
        assert int(variables(stack.one(token))["PENSTOCK_DRAIN_SECONDS"]["value"]) < 10
    assert any("gives a stopping container 8 s" in step for step in stack.record.outputs["nextSteps"])


def test_each_container_mounts_the_share(made):
    stack = made("split")
    for token in (t.SERVICE, t.POOL):
        (share,) = [one for one in stack.one(token)["template"]["volumes"] if "nfs" in one]
        assert share["nfs"] == {"server": "10.40.16.2", "path": "/penstock", "readOnly": False}
    assert not [one for job in sized_jobs(stack) for one in job["template"]["template"].get("volumes", ())]


def test_probes_ask_the_right_port_within_cloud_runs_bounds(made):
    stack = made("split")
    for token, port in ((t.SERVICE, 6789), (t.POOL, 6790)):
        one = container(stack.one(token))
        assert one["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": port}
        startup = one["startupProbe"]
        assert startup["httpGet"]["port"] == port
        assert startup["periodSeconds"] * startup["failureThreshold"] == 240


def test_everything_leaves_through_the_stacks_own_network(made):
    stack = made("split")
    templates = [stack.one(t.SERVICE)["template"], stack.one(t.POOL)["template"]]
    for template in templates:
        assert template["vpcAccess"]["egress"] == "ALL_TRAFFIC"
        (interface,) = template["vpcAccess"]["networkInterfaces"]
        assert "/subnetworks/apps-" in interface["subnetwork"]


def test_autoscale_gives_the_web_bounds_and_leaves_schedulers_to_penstock(engine_stack, gcp_config):
    stack = engine_stack(main, gcp_config("autoscale"))
    stack.up()
    assert stack.cloud.only(t.SERVICE).inputs["template"]["scaling"] == {
        "minInstanceCount": 2,
        "maxInstanceCount": 6,
        "cpuUtilization": 0.6,
        "concurrencyUtilization": 0.1,
    }
    stack.cloud.drift(t.POOL, {"scaling": {"scalingMode": "MANUAL", "manualInstanceCount": 5}})
    stack.refresh()
    assert stack.up().of(t.POOL)[0].op == "same"
    assert stack.cloud.only(t.POOL).inputs["scaling"]["manualInstanceCount"] == 5
    scaler = variables(stack.cloud.only(t.POOL).inputs)
    assert scaler["PENSTOCK_SCALER_TARGET"]["value"] == stack.cloud.only(t.POOL).id
    assert (scaler["PENSTOCK_SCALER_MIN"]["value"], scaler["PENSTOCK_SCALER_MAX"]["value"]) == ("2", "6")


def test_ha_puts_the_number_of_schedulers_back(engine_stack, gcp_config):
    stack = engine_stack(main, gcp_config("ha"))
    stack.up()
    stack.cloud.drift(t.POOL, {"scaling": {"scalingMode": "MANUAL", "manualInstanceCount": 5}})
    stack.refresh()
    assert stack.up().only(t.POOL).op == "update"
    assert stack.cloud.only(t.POOL).inputs["scaling"]["manualInstanceCount"] == 2


def sized_jobs(stack):
    return [one.inputs for one in stack.all(t.JOB) if one.name.startswith("job-")]


def test_a_job_for_each_size_waits_to_be_run(made):
    stack = made("split")
    jobs = {one["name"]: one["template"]["template"] for one in sized_jobs(stack)}
    sizes = {name: job["containers"][0]["resources"]["limits"] for name, job in jobs.items()}
    assert sizes == {
        "penstock-job-small": {"cpu": "1", "memory": "1Gi"},
        "penstock-job-medium": {"cpu": "1", "memory": "4Gi"},
        "penstock-job-large": {"cpu": "2", "memory": "8Gi"},
        "penstock-job-xlarge": {"cpu": "4", "memory": "16Gi"},
    }
    for job in jobs.values():
        assert job["maxRetries"] == 0, "the platform's own second try would run code twice"
        assert job["timeout"] == "86400s"
        assert job["serviceAccount"].startswith("penstock-job@")
        assert "envs" not in job["containers"][0], "a job holds no secret and no address of the database"
        assert "/subnetworks/work-" in job["vpcAccess"]["networkInterfaces"][0]["subnetwork"]
    assert not [one for one in sized_jobs(stack) if "runExecutionToken" in one]
    listed = stack.record.outputs["executorSettings"]["PENSTOCK_CLOUD_RUN_JOBS"]
    assert dict(pair.split("=") for pair in listed.split(",")) == {
        name.removeprefix("penstock-job-"): name for name in jobs
    }


def test_a_given_image_runs_by_its_digest(made):
    stack = made("single")
    image = stack.record.outputs["image"]
    assert "@sha256:" in image
    assert container(stack.one(t.SERVICE))["image"] == image
    assert {one["template"]["template"]["containers"][0]["image"] for one in sized_jobs(stack)} == {image}
    assert "docker-build:index:Image" not in stack.tokens


def test_an_image_is_built_pushed_and_run_by_its_digest(made):
    stack = made("single", image=None)
    image = stack.one("docker-build:index:Image")
    (tag,) = image["tags"]
    assert tag.startswith(f"{t.REGION}-docker.pkg.dev/{t.PROJECT}/penstock/penstock:")
    assert image["push"] is True
    assert (
        container(stack.one(t.SERVICE))["image"]
        == f"{tag.rsplit(':', 1)[0]}@{stack.outputs('docker-build:index:Image')['digest']}"
    )
    assert "ya29.made-up" not in stack.plain_text, "the token to push with is a secret"
    (built,) = [one for one in stack.state if one.type == "docker-build:index:Image"]
    assert [urn for urn in built.dependencies if "Repository::registry" in urn], (
        "nothing is pushed before the registry is"
    )


@pytest.mark.parametrize(("topology", "keys"), [("single", {}), ("autoscale", DOMAIN)])
def test_cloud_run_leaves_the_check_of_callers_to_our_sign_in(made, topology, keys):
    service = made(topology, **keys).one(t.SERVICE)
    assert service["invokerIamDisabled"] is True
    assert variables(service).get("PENSTOCK_AUTH_MODE", {"value": "password"})["value"] == "password"


def test_only_services_that_start_jobs_know_where_they_are(made):
    stack = made("split")
    assert "PENSTOCK_CLOUD_RUN_JOBS" in variables(stack.one(t.POOL))
    assert "PENSTOCK_CLOUD_RUN_JOBS" not in variables(stack.one(t.SERVICE))
