"""Services, jobs and what they are made of: containers, volumes, rollout, scaling, image, Spark, alarms."""

from __future__ import annotations

import json

import pytest

from penstock_infra.aws.registry import given_repository
from penstock_infra.program import main
from penstock_platform.blueprint import ImagePlan
from penstock_platform.contract import BY_NAME
from support.engine.records import EngineFailed
from support.stack_configs import DIGEST, config_of

SHARE = "/mnt/penstock"


@pytest.fixture(scope="module")
def single(rendering):
    return rendering("single")


@pytest.fixture(scope="module")
def autoscale(rendering):
    return rendering("autoscale")


def volumes(rendered, name):
    return {one["name"]: one for one in rendered.one("TaskDefinition", name).inputs["volumes"]}


@pytest.mark.parametrize("name", ["web", "scheduler", "job"])
def test_containers_are_nobody_and_write_to_volumes_alone(autoscale, name):
    container = autoscale.container(name)
    assert container["user"] == "10001:10001"
    assert container["readonlyRootFilesystem"] is True
    assert container["linuxParameters"]["capabilities"]["drop"] == ["ALL"]
    assert container.get("privileged") in (None, False)
    mounted = {mount["containerPath"] for mount in container["mountPoints"]}
    assert mounted == {"/tmp", "/var/lib/penstock", *([] if name == "job" else [SHARE])}
    assert {mount["sourceVolume"] for mount in container["mountPoints"]} == set(volumes(autoscale, name))


@pytest.mark.parametrize("name", ["web", "scheduler"])
def test_the_share_is_mounted_by_tls_and_iam_through_its_access_point(autoscale, name):
    share = volumes(autoscale, name)["share"]["efsVolumeConfiguration"]
    assert share == {
        "fileSystemId": autoscale.one("FileSystem").id,
        "transitEncryption": "ENABLED",
        "authorizationConfig": {"accessPointId": autoscale.one("AccessPoint").id, "iam": "ENABLED"},
    }
    owner = autoscale.one("AccessPoint").inputs
    assert owner["posixUser"] == {"uid": 10001, "gid": 10001}


@pytest.mark.parametrize("name", ["web", "scheduler"])
def test_services_wait_for_the_share_the_roles_and_the_network(autoscale, name):
    waits = {urn.rsplit("$", 1)[-1] for urn in autoscale.one("ecs.Service", name).dependencies}
    assert {"aws:efs/mountTarget:MountTarget::share-a", "aws:efs/mountTarget:MountTarget::share-b"} <= waits
    assert "aws:efs/fileSystemPolicy:FileSystemPolicy::share" in waits
    assert {f"aws:iam/rolePolicy:RolePolicy::{name}-execution", f"aws:iam/rolePolicy:RolePolicy::{name}-task"} <= waits
    assert {"aws:ec2/route:Route::apps-a", "aws:ec2/route:Route::apps-b"} <= waits
    listeners = {"aws:lb/listener:Listener::https", "aws:lb/listener:Listener::jobs"}
    assert listeners <= waits if name == "web" else not listeners & waits


def test_secrets_are_references_and_everything_else_is_of_the_contract(autoscale):
    for name in ("web", "scheduler"):
        container = autoscale.container(name)
        given = {entry["name"]: entry["valueFrom"] for entry in container["secrets"]}
        expected = {"PENSTOCK_ENCRYPTION_KEY", "REDIS_URL"} | ({"PENSTOCK_OWNER_CODE"} if name == "web" else set())
        assert set(given) == expected
        assert all(arn.startswith("arn:aws:secretsmanager:") for arn in given.values())
        plain = {entry["name"] for entry in container["environment"]}
        assert plain <= set(BY_NAME)
        assert not {setting for setting in plain if BY_NAME[setting].secret}


def test_the_database_password_is_read_where_aws_rotates_it(autoscale):
    environment = autoscale.environment("scheduler")
    assert environment["PENSTOCK_DB_SECRET"] == f"aws:{autoscale.outputs['databaseSecret']}#password"
    host, port = autoscale.outputs["databaseEndpoint"].rsplit(":", 1)
    assert (environment["PENSTOCK_DB_HOST"], environment["PENSTOCK_DB_PORT"]) == (host, port)
    assert environment["PENSTOCK_CA_FILE"] == "/opt/penstock/image/authorities/rds.pem"
    assert autoscale.one("rds.Instance").inputs["manageMasterUserPassword"] is True


def test_redis_is_by_tls_with_a_password_even_when_it_is_one_node(rendering):
    nodes = rendering("split", redis={"size": "small"}).one("ReplicationGroup").inputs
    assert nodes["transitEncryptionEnabled"] is True
    assert nodes["authToken"]
    assert (nodes["numCacheClusters"], nodes["automaticFailoverEnabled"], nodes["multiAzEnabled"]) == (1, False, False)


@pytest.mark.parametrize(
    ("topology", "name", "percents", "rebalancing"),
    [
        ("single", "penstock", (0, 100), "DISABLED"),
        ("split", "scheduler", (0, 100), "DISABLED"),
        ("split", "web", (100, 200), "ENABLED"),
        ("ha", "scheduler", (100, 200), "ENABLED"),
    ],
)
def test_rollouts(rendering, topology, name, percents, rebalancing):
    service = rendering(topology).one("ecs.Service", name).inputs
    assert (service["deploymentMinimumHealthyPercent"], service["deploymentMaximumPercent"]) == percents
    assert service["availabilityZoneRebalancing"] == rebalancing
    assert service["deploymentCircuitBreaker"] == {"enable": True, "rollback": True}
    assert service["waitForSteadyState"] is True


def test_a_stopping_task_may_drain_as_long_as_fargate_lets_it(autoscale):
    drain = int(autoscale.environment("scheduler")["PENSTOCK_DRAIN_SECONDS"])
    assert drain < autoscale.container("scheduler")["stopTimeout"] <= 120


def test_health_is_asked_of_the_image_and_starts_get_time(autoscale):
    check = autoscale.container("scheduler")["healthCheck"]
    assert check["command"][0] == "CMD"
    assert check["command"][-1] == "/opt/penstock/image/health.py"
    assert check["startPeriod"] == 300
    assert autoscale.one("ecs.Service", "web").inputs["healthCheckGracePeriodSeconds"] == 300
    assert "healthCheckGracePeriodSeconds" not in autoscale.one("ecs.Service", "scheduler").inputs


def test_commands_are_what_the_images_entry_point_takes(autoscale):
    assert autoscale.container("web")["command"] == ["start"]
    assert autoscale.container("job")["command"] == ["job"]


def test_jobs_get_one_definition_without_any_secret_setting_or_share(autoscale):
    job = autoscale.container("job")
    assert job["environment"] == []
    assert job["secrets"] == []
    definition = autoscale.one("TaskDefinition", "job").inputs
    assert (definition["cpu"], definition["memory"]) == ("512", "1024")
    settings = autoscale.outputs["executorSettings"]
    assert settings["PENSTOCK_ECS_TASK_DEFINITION"] == definition["family"]
    assert settings["PENSTOCK_ECS_CLUSTER"] == autoscale.one("ecs.Cluster").outputs["arn"]
    assert settings["PENSTOCK_JOB_IMAGE"] == job["image"] == autoscale.outputs["image"]
    apps = [one.id for one in autoscale.of("Subnet") if one.name.startswith("apps")]
    assert sorted(settings["PENSTOCK_ECS_SUBNETS"].split(",")) == sorted(apps)


class TestScaling:
    """The web service by the platform, the scheduler by the scaler."""

    def test_web_moves_by_requests_and_cpu(self, autoscale):
        target = autoscale.one("appautoscaling.Target").inputs
        assert (target["minCapacity"], target["maxCapacity"]) == (2, 6)
        assert target["resourceId"] == "service/penstock/web"
        policies = {
            one.name: one.inputs["targetTrackingScalingPolicyConfiguration"]
            for one in autoscale.of("appautoscaling.Policy")
        }
        metric = policies["requests"]["predefinedMetricSpecification"]
        assert metric["predefinedMetricType"] == "ALBRequestCountPerTarget"
        balancer, group = autoscale.one("LoadBalancer", "front"), autoscale.one("TargetGroup", "web")
        assert metric["resourceLabel"] == f"{balancer.outputs['arnSuffix']}/{group.outputs['arnSuffix']}"
        assert policies["cpu"]["targetValue"] == 60

    def test_the_scheduler_is_left_to_the_scaler(self, autoscale):
        settings = autoscale.outputs["executorSettings"]
        assert settings["PENSTOCK_SCALER_TARGET"] == autoscale.one("ecs.Service", "scheduler").id
        assert (settings["PENSTOCK_SCALER_MIN"], settings["PENSTOCK_SCALER_MAX"]) == ("2", "6")

    def test_counts_that_somebody_else_moves_are_left_alone(self, engine_stack):
        stack = engine_stack(main, config_of("aws", "autoscale", image=DIGEST))
        stack.up()
        for name in ("web", "scheduler"):
            (service,) = [one for one in stack.cloud.live(name) if one.token == "aws:ecs/service:Service"]
            service.inputs["desiredCount"] = service.outputs["desiredCount"] = 5
        stack.refresh()
        assert stack.up().changes == []
        stack.set_config(topology="ha")
        moved = [step for step in stack.up().changes if step.type == "aws:ecs/service:Service"]
        assert {step.name: step.inputs["desiredCount"] for step in moved} == {"web": 2, "scheduler": 2}

    def test_counts_that_nobody_moves_are_put_right(self, engine_stack):
        stack = engine_stack(main, config_of("aws", "ha", image=DIGEST))
        stack.up()
        (service,) = [one for one in stack.cloud.live("web") if one.token == "aws:ecs/service:Service"]
        service.inputs["desiredCount"] = service.outputs["desiredCount"] = 0
        stack.refresh()
        assert [(step.name, step.changed) for step in stack.up().changes] == [("web", ("desiredCount",))]


class TestImage:
    """Built and pushed, or given by digest."""

    def test_one_that_is_given_is_used_as_it_is(self, single):
        assert single.outputs["image"] == DIGEST
        assert single.container("penstock")["image"] == DIGEST

    def test_one_that_is_not_is_built_and_pushed_to_the_stacks_registry(self, rendering):
        rendered = rendering("single", image="")
        (image,) = [one for one in rendered.resources if one.type == "docker-build:index:Image"]
        registry = rendered.one("ecr.Repository").outputs["repositoryUrl"]
        (tag,) = image.inputs["tags"]
        assert tag.startswith(f"{registry}:")
        assert image.inputs["push"] is True
        assert rendered.container("penstock")["image"] == rendered.outputs["image"] == image.outputs["ref"]
        assert rendered.outputs["image"].startswith(f"{registry}@sha256:")

    def test_the_registry_keeps_tags_and_scans(self, single):
        repository = single.one("ecr.Repository").inputs
        assert repository["imageTagMutability"] == "IMMUTABLE"
        assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
        assert json.loads(single.one("LifecyclePolicy").inputs["policy"])["rules"]

    def test_one_from_another_registry_of_ecr_may_be_pulled(self, rendering):
        given = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/penstock@sha256:{'5e' * 32}"
        policy = rendering("single", image=given).document("RolePolicy", "penstock-execution")
        pulled = [one["Resource"] for one in policy["Statement"] if "ecr:BatchGetImage" in one["Action"]]
        assert "arn:aws:ecr:eu-west-1:123456789012:repository/team/penstock" in pulled[0]

    def test_one_from_elsewhere_asks_for_no_right(self):
        plan = ImagePlan(given=DIGEST, dockerfile="", platform="linux/amd64")
        assert given_repository(plan, account=None) == []


class TestSpark:
    """Four modes."""

    def test_off(self, rendering):
        rendered = rendering("split", spark={"mode": "off"})
        assert rendered.outputs["spark"] == {"backend": "off"}
        assert "PENSTOCK_SPARK_BACKEND" not in rendered.environment("scheduler")

    def test_on_demand_prepares_the_ground_for_clusters(self, autoscale):
        settings = autoscale.outputs["executorSettings"]
        assert settings["PENSTOCK_SPARK_BACKEND"] == "emr"
        assert settings["PENSTOCK_SPARK_URL"].endswith("/spark")
        assert settings["PENSTOCK_EMR_SERVICE_ROLE"] == autoscale.one("Role", "spark-service").outputs["arn"]
        assert settings["PENSTOCK_EMR_INSTANCE_PROFILE"] == autoscale.one("InstanceProfile").outputs["arn"]
        assert len(settings["PENSTOCK_EMR_SECURITY_GROUPS"].split(",")) == 3
        assert autoscale.outputs["spark"]["backend"] == "emr"
        assert autoscale.outputs["spark"]["emrServiceRole"] == settings["PENSTOCK_EMR_SERVICE_ROLE"]
        assert not autoscale.has("emr.Cluster")
        assert not autoscale.has("emrserverless.Application")

    def test_nodes_are_encrypted_at_rest_and_what_is_not_is_told(self, autoscale):
        configuration = json.loads(autoscale.one("SecurityConfiguration").inputs["configuration"])
        found = configuration["EncryptionConfiguration"]
        assert found["EnableAtRestEncryption"] is True
        disks = found["AtRestEncryptionConfiguration"]["LocalDiskEncryptionConfiguration"]
        assert disks["EnableEbsEncryption"] is True
        assert disks["AwsKmsKey"] == autoscale.one("kms.Key").outputs["arn"]
        assert "Not encrypted: what Hadoop's own services" in autoscale.steps

    def test_emr_finds_its_tag_where_it_works(self, autoscale):
        tagged = [
            *(one for one in autoscale.of("Subnet") if one.name.startswith("apps")),
            *(one for one in autoscale.of("SecurityGroup") if one.name.startswith("spark-")),
        ]
        assert len(tagged) == 5
        tag = "for-use-with-amazon-emr-managed-policies"
        assert [one.name for one in tagged if one.inputs["tags"].get(tag) != "true"] == []

    def test_shared_keeps_one_cluster_between_its_bounds(self, rendering):
        rendered = rendering("autoscale", spark={"mode": "shared", "maxWorkers": 7})
        cluster = rendered.one("emr.Cluster")
        assert "autoTerminationPolicy" not in cluster.inputs
        assert cluster.inputs["keepJobFlowAliveWhenNoSteps"] is True
        (limits,) = rendered.one("ManagedScalingPolicy").inputs["computeLimits"]
        assert (limits["minimumCapacityUnits"], limits["maximumCapacityUnits"]) == (1, 7)
        assert rendered.outputs["executorSettings"]["PENSTOCK_EMR_CLUSTER"] == cluster.id
        assert cluster.inputs["ec2Attributes"]["subnetId"] == rendered.one("Subnet", "apps-a").id

    def test_serverless_has_an_application_that_stops_when_idle(self, rendering):
        rendered = rendering("autoscale", spark={"mode": "serverless"})
        application = rendered.one("emrserverless.Application")
        assert application.inputs["autoStopConfiguration"] == {"enabled": True, "idleTimeoutMinutes": 15}
        settings = rendered.outputs["executorSettings"]
        assert settings["PENSTOCK_SPARK_BACKEND"] == "emr_serverless"
        assert settings["PENSTOCK_EMR_APPLICATION"] == application.id
        assert settings["PENSTOCK_EMR_JOB_ROLE"] == rendered.one("Role", "spark-job").outputs["arn"]
        assert not rendered.has("emr.SecurityConfiguration")


class TestWatching:
    """Alarms, dashboard, budget, backups."""

    def test_alarms_reach_the_address(self, rendering):
        rendered = rendering("autoscale", alarms={"email": "team@example.com"})
        topic = rendered.one("sns.Topic").outputs["arn"]
        alarms = {one.name: one.inputs for one in rendered.of("MetricAlarm")}
        assert set(alarms) == {
            "web-errors", "web-unhealthy", "scheduler-down", "database-cpu", "database-storage",
            "database-connections", "cache-memory", "share-full",
        }  # fmt: skip
        assert all(alarm["alarmActions"] == [topic] for alarm in alarms.values())
        assert rendered.one("TopicSubscription").inputs["endpoint"] == "team@example.com"
        assert "Confirm the subscription" in rendered.steps

    def test_a_scheduler_that_says_nothing_is_down(self, autoscale):
        alarm = autoscale.one("MetricAlarm", "scheduler-down").inputs
        assert alarm["treatMissingData"] == "breaching"
        assert alarm["dimensions"] == {"ClusterName": "penstock", "ServiceName": "scheduler"}
        assert (alarm["comparisonOperator"], alarm["threshold"]) == ("LessThanThreshold", 1)

    def test_thresholds_are_in_the_metrics_own_units(self, autoscale):
        assert autoscale.one("MetricAlarm", "database-storage").inputs["threshold"] == 4 * 2**30
        assert autoscale.one("MetricAlarm", "share-full").inputs["threshold"] == 8 * 2**30

    def test_the_dashboard_shows_what_alarms_watch(self, autoscale):
        body = json.loads(autoscale.one("Dashboard").inputs["dashboardBody"])
        assert len(body["widgets"]) == len(autoscale.of("MetricAlarm"))
        (link,) = autoscale.outputs["dashboards"]
        assert link.endswith("#dashboards/dashboard/penstock")

    def test_a_budget_counts_what_has_the_stacks_tag(self, rendering):
        rendered = rendering("single", monthlyBudget="400", alarms={"email": "team@example.com"})
        budget = rendered.one("Budget").inputs
        assert budget["limitAmount"] == "400.00"
        assert budget["costFilters"] == [{"name": "TagKeyValue", "values": ["user:stack$penstock"]}]
        assert {one["threshold"] for one in budget["notifications"]} == {80, 100}

    def test_backups_are_kept_as_long_as_the_topology_says(self, rendering):
        for topology, days in (("single", 7), ("ha", 14)):
            rendered = rendering(topology)
            (rule,) = rendered.one("backup.Plan").inputs["rules"]
            assert rule["lifecycle"]["deleteAfter"] == days
            assert rendered.one("rds.Instance").inputs["backupRetentionPeriod"] == days
            share = rendered.one("FileSystem").outputs["arn"]
            assert rendered.one("backup.Selection").inputs["resources"] == [share]

    def test_logs_go_after_a_month(self, autoscale):
        assert {one.inputs["retentionInDays"] for one in autoscale.of("LogGroup")} == {30}


def test_a_zone_lost_costs_nothing_in_ha(rendering):
    ha, split = rendering("ha"), rendering("split")
    assert len(ha.of("NatGateway")) == 2
    assert len(split.of("NatGateway")) == 1
    assert ha.one("rds.Instance").inputs["multiAz"] is True
    assert split.one("rds.Instance").inputs["multiAz"] is False
    nodes = ha.one("ReplicationGroup").inputs
    assert (nodes["numCacheClusters"], nodes["multiAzEnabled"], nodes["automaticFailoverEnabled"]) == (2, True, True)


def test_the_share_spans_zones_whatever_the_tier(single):
    assert "availabilityZoneName" not in single.one("FileSystem").inputs


def test_a_missing_region_is_told_before_anything_is_made(engine_stack):
    stack = engine_stack(main, {**config_of("aws", "single"), "aws:region": None})
    with pytest.raises(EngineFailed, match="aws:region is missing; write the region"):
        stack.up()
    assert stack.cloud.objects == {}


def test_every_resource_carries_the_stacks_tags(single):
    (provider,) = [one for one in single.resources if one.type == "pulumi:providers:aws"]
    tags = json.loads(provider.inputs["defaultTags"])["tags"]
    assert tags == {"app": "penstock", "stack": "penstock", "topology": "single"}


def test_how_to_read_the_owner_code_is_a_command(single):
    secret = single.one("secretsmanager.Secret", "owner-code").outputs["arn"]
    assert single.outputs["nextSteps"][0] == (
        "Read the one-time owner code: aws secretsmanager get-secret-value --query SecretString --output text "
        f"--region eu-central-1 --secret-id {secret}"
    )
