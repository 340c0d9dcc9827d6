"""Dataproc by mode."""

from __future__ import annotations

import pytest

from support.engine.clouds import gcp_tokens as t
from support.engine.clouds.gcp_iam import Iam

HERE = f"projects/{t.PROJECT}"
SPARK_ACCOUNT = f"penstock-spark@{t.PROJECT}.iam.gserviceaccount.com"
MODES = {
    "off": ("split", {"spark": {"mode": "off"}}),
    "onDemand": ("single", {}),
    "serverless": ("ha", {"exposure": "private", "spark": {"mode": "serverless"}}),
    "shared": ("autoscale", {"domain": "pipes.example.com", "spark": {"mode": "shared"}}),
}
CREATES = ["dataproc.batches.create", "dataproc.clusters.create", "dataproc.jobs.create"]
MADE_FOR = {
    "onDemand": {"dataproc.clusters.create", "dataproc.jobs.create"},
    "serverless": {"dataproc.batches.create"},
    "shared": {"dataproc.jobs.create"},
}


@pytest.fixture
def stack(made, mode):
    topology, keys = MODES[mode]
    return made(topology, **keys)


@pytest.mark.parametrize("mode", ["off"])
def test_off_makes_nothing_of_spark(stack, mode):
    assert not stack.tokens & {t.SPARK_POLICY, t.CLUSTER, t.FOLDER, t.PROJECT_MEMBER}
    assert stack.record.outputs["spark"] == {"backend": "off"}
    assert not [name for name in stack.record.outputs["executorSettings"] if "SPARK" in name or "DATAPROC" in name]
    assert "dataproc" not in [one.name for one in stack.all(t.API)]


@pytest.mark.parametrize(
    ("mode", "backend"), [("onDemand", "dataproc"), ("serverless", "dataproc_serverless"), ("shared", "dataproc")]
)
def test_the_executor_is_told_where_spark_is(stack, mode, backend):
    settings = stack.record.outputs["executorSettings"]
    assert settings["PENSTOCK_SPARK_BACKEND"] == stack.record.outputs["spark"]["backend"] == backend
    assert settings["PENSTOCK_DATAPROC_SERVICE_ACCOUNT"] == SPARK_ACCOUNT
    assert settings["PENSTOCK_SPARK_URL"] == f"gs://{t.PROJECT}-penstock/spark"
    assert "/subnetworks/work-" in settings["PENSTOCK_DATAPROC_SUBNET"]
    assert ("PENSTOCK_DATAPROC_CLUSTER" in settings) is (mode == "shared")


@pytest.mark.parametrize("mode", list(MADE_FOR))
def test_the_executor_may_make_what_its_mode_needs(stack, mode):
    iam, identity = Iam(stack.world), "penstock" if mode == "onDemand" else "scheduler"
    for permission in CREATES:
        assert iam.allows(identity, permission, HERE) is (permission in MADE_FOR[mode]), permission
        assert not iam.allows("web", permission, HERE)
        assert not iam.allows("spark", permission, HERE)
    acts_as = f"{HERE}/serviceAccounts/{SPARK_ACCOUNT}"
    assert iam.allows(identity, "iam.serviceAccounts.actAs", acts_as)


@pytest.mark.parametrize("mode", ["shared"])
def test_a_shared_cluster_is_used_by_the_executor_and_no_other_cluster_is(stack, mode):
    iam = Iam(stack.world)
    cluster = f"{HERE}/regions/{t.REGION}/clusters/penstock-spark"
    assert iam.allows("scheduler", "dataproc.clusters.use", cluster)
    assert not iam.allows("scheduler", "dataproc.clusters.use", cluster.replace("penstock-spark", "another"))
    assert not iam.allows("scheduler", "dataproc.clusters.delete", cluster)


@pytest.mark.parametrize("mode", ["shared"])
def test_a_shared_cluster_is_private_scales_and_stays(stack, mode):
    config = stack.one(t.CLUSTER)["clusterConfig"]
    machines = config["gceClusterConfig"]
    assert machines["internalIpOnly"] is True
    assert machines["serviceAccount"] == SPARK_ACCOUNT
    assert machines["shieldedInstanceConfig"]["enableSecureBoot"] is True
    assert config["endpointConfig"]["enableHttpPortAccess"] is False
    assert "lifecycleConfig" not in config, "a cluster that deletes itself is missing at the next up"
    assert config["autoscalingConfig"]["policyUri"] == stack.outputs(t.SPARK_POLICY)["name"]
    assert stack.one(t.SPARK_POLICY)["workerConfig"] == {"minInstances": 2, "maxInstances": 4}


@pytest.mark.parametrize("mode", ["onDemand", "serverless"])
def test_no_cluster_is_made_where_runs_make_their_own(stack, mode):
    assert t.CLUSTER not in stack.tokens
    assert (t.SPARK_POLICY in stack.tokens) is (mode == "onDemand")


@pytest.mark.parametrize("mode", list(MADE_FOR))
def test_dataprocs_own_files_have_a_bucket_of_their_own(stack, mode):
    staging = stack.one(t.BUCKET, "spark-staging")
    assert staging["publicAccessPrevention"] == "enforced"
    assert staging["lifecycleRules"] == [{"action": {"type": "Delete"}, "condition": {"age": 30}}]
    assert stack.record.outputs["spark"]["stagingBucket"] == staging["name"]


@pytest.mark.parametrize("mode", list(MADE_FOR))
def test_nodes_may_report_to_dataproc_and_open_no_bucket_of_the_project(stack, mode):
    iam = Iam(stack.world)
    for permission in ("dataproc.agents.create", "dataproc.tasks.lease", "logging.logEntries.create"):
        assert iam.allows("spark", permission, HERE), permission
    for permission in ("storage.objects.get", "storage.buckets.get", "dataproc.jobs.create", "run.jobs.run"):
        assert not iam.allows("spark", permission, HERE), permission
