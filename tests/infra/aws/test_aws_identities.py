"""Every identity may do what its code calls, on the stack's own resources, and nothing else."""

from __future__ import annotations

import json

import pytest

from support.iam import ALLOWED, NOT_ALLOWED, Call, decide, mistakes, reference

ACCOUNT = "123456789012"
PREFIX = f"eu-central-1:{ACCOUNT}"
CLUSTER = f"arn:aws:ecs:{PREFIX}:cluster/penstock"
OTHER_CLUSTER = f"arn:aws:ecs:{PREFIX}:cluster/other"
TASK = f"arn:aws:ecs:{PREFIX}:task/penstock/0a1b2c"
OTHER_TASK = f"arn:aws:ecs:{PREFIX}:task/other/0a1b2c"
HERE, ELSEWHERE = {"ecs:cluster": CLUSTER}, {"ecs:cluster": OTHER_CLUSTER}
TO_ECS = {"iam:PassedToService": "ecs-tasks.amazonaws.com"}
OWN_TAGS = {"app": "penstock", "stack": "penstock"}


def definition(family):
    return f"arn:aws:ecs:{PREFIX}:task-definition/{family}:7"


def emr(cluster):
    return f"arn:aws:elasticmapreduce:{PREFIX}:cluster/{cluster}"


def tags(kind, values):
    return {f"aws:{kind}Tag/{key}": value for key, value in values.items()}


class Roles:
    """The roles of a rendered stack and their policies."""

    def __init__(self, rendered):
        self.rendered = rendered

    def arn(self, name):
        return self.rendered.one("Role", name).outputs["arn"]

    def policies(self, name):
        """Return the inline policies of a role, by its name in the program."""
        role = self.rendered.one("Role", name).outputs["name"]
        return [
            json.loads(one.inputs["policy"]) for one in self.rendered.of("RolePolicy") if one.inputs["role"] == role
        ]

    def trust(self, name):
        return json.loads(self.rendered.one("Role", name).inputs["assumeRolePolicy"])

    def may(self, role, action, resource="*", context=None):
        """Return whether a role may make a call; the call's context must be one that the service has."""
        known = {key.lower().split("${")[0] for row in reference(action) for key in row["condition_keys"]}
        given = context or {}
        assert all(any(key.lower().startswith(one) for one in known) for key in given), (action, given, known)
        decision = decide(self.policies(role), Call(action, resource, given))
        assert decision in {ALLOWED, NOT_ALLOWED}
        return decision == ALLOWED


@pytest.fixture(scope="module")
def roles(rendering):
    """The roles of a stack that has them all."""
    return Roles(rendering("autoscale"))


@pytest.fixture(scope="module")
def job_logs(roles):
    return roles.rendered.one("LogGroup", "job").outputs["arn"]


@pytest.mark.parametrize("keys", [{}, {"spark": {"mode": "shared"}}, {"spark": {"mode": "serverless"}}])
def test_services_understand_every_policy(rendering, keys):
    rendered = rendering("autoscale", alarms={"email": "team@example.com"}, **keys)
    found = [
        f"{one.name}: {mistake}"
        for one in rendered.resources
        for text in [one.inputs.get("policy")]
        if text and "Statement" in text
        for mistake in mistakes(json.loads(text))
    ]
    assert found == []


class TestJobsOnEcs:
    """What the ECS executor calls, as the scheduler."""

    def calls(self, roles, job_logs):
        stream = f"{job_logs}:log-stream:job/job/0a1b2c"
        created = {"ecs:CreateAction": "RunTask"}
        return [
            ("ecs:RunTask", definition("penstock-job"), HERE),
            ("ecs:DescribeTasks", TASK, HERE),
            ("ecs:StopTask", TASK, HERE),
            ("ecs:ListTasks", "*", HERE),
            ("ecs:TagResource", TASK, created),
            ("iam:PassRole", roles.arn("job-execution"), TO_ECS),
            ("iam:PassRole", roles.arn("job-task"), TO_ECS),
            ("logs:GetLogEvents", stream, None),
        ]

    def test_the_scheduler_may_make_every_call(self, roles, job_logs):
        assert [call for call in self.calls(roles, job_logs) if not roles.may("scheduler-task", *call)] == []

    def test_nobody_else_may_make_any(self, roles, job_logs):
        for role in ("web-task", "web-execution", "scheduler-execution", "job-task", "job-execution", "scaler"):
            assert [call for call in self.calls(roles, job_logs) if roles.may(role, *call)] == [], role

    @pytest.mark.parametrize(
        "call",
        [
            ("ecs:RunTask", definition("penstock-job"), ELSEWHERE),
            ("ecs:RunTask", definition("penstock-job"), None),
            ("ecs:RunTask", definition("penstock-job-of-another"), HERE),
            ("ecs:RunTask", definition("penstock-scheduler"), HERE),
            ("ecs:DescribeTasks", OTHER_TASK, ELSEWHERE),
            ("ecs:StopTask", OTHER_TASK, ELSEWHERE),
            ("ecs:ListTasks", "*", ELSEWHERE),
            ("ecs:TagResource", TASK, None),
            ("ecs:TagResource", f"arn:aws:ecs:{PREFIX}:cluster/penstock", {"ecs:CreateAction": "RunTask"}),
            ("ecs:RegisterTaskDefinition", "*", None),
            ("ecs:UpdateService", f"arn:aws:ecs:{PREFIX}:service/penstock/scheduler", None),
            ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/mine", None),
        ],
    )
    def test_the_scheduler_may_not_elsewhere(self, roles, call):
        assert not roles.may("scheduler-task", *call)

    def test_it_passes_the_roles_of_jobs_alone_and_to_ecs_alone(self, roles):
        for name in ("scheduler-task", "scheduler-execution", "web-task", "scaler", "spark-node"):
            assert not roles.may("scheduler-task", "iam:PassRole", roles.arn(name), TO_ECS), name
        to_machines = {"iam:PassedToService": "ec2.amazonaws.com"}
        assert not roles.may("scheduler-task", "iam:PassRole", roles.arn("job-task"), to_machines)

    def test_logs_of_services_are_not_jobs(self, roles):
        stream = f"{roles.rendered.one('LogGroup', 'web').outputs['arn']}:log-stream:web/web/0a1b"
        assert not roles.may("scheduler-task", "logs:GetLogEvents", stream)

    def test_a_job_may_do_nothing_itself(self, roles):
        assert roles.policies("job-task") == []
        assert not roles.may("job-execution", "secretsmanager:GetSecretValue", "*")

    def test_single_has_one_service_with_all_of_it(self, rendering):
        roles = Roles(rendering("single"))
        logs = roles.rendered.one("LogGroup", "job").outputs["arn"]
        assert [call for call in self.calls(roles, logs) if not roles.may("penstock-task", *call)] == []


class TestScaler:
    """What the scaler calls, under a role that only the scheduler takes."""

    SERVICE = f"arn:aws:ecs:{PREFIX}:service/penstock/scheduler"

    def test_it_scales_the_scheduler(self, roles):
        assert roles.may("scaler", "ecs:UpdateService", self.SERVICE)
        assert roles.may("scaler", "ecs:DescribeServices", self.SERVICE, HERE)
        assert roles.may("scaler", "ecs:UpdateTaskProtection", TASK, HERE)

    def test_nothing_else(self, roles):
        assert not roles.may("scaler", "ecs:UpdateService", f"arn:aws:ecs:{PREFIX}:service/penstock/web")
        assert not roles.may("scaler", "ecs:UpdateService", f"arn:aws:ecs:{PREFIX}:service/other/scheduler")
        assert not roles.may("scaler", "ecs:UpdateTaskProtection", OTHER_TASK, ELSEWHERE)

    def test_it_cannot_give_the_service_another_definition(self, roles):
        another = {"ecs:task-definition": definition("mine")}
        assert not roles.may("scaler", "ecs:UpdateService", self.SERVICE, another)

    def test_only_the_scheduler_takes_its_role(self, roles):
        taking = Call("sts:AssumeRole", caller=roles.arn("scheduler-task"))
        assert decide([roles.trust("scaler")], taking) == ALLOWED
        for other in (roles.arn("web-task"), roles.arn("job-task"), "ecs-tasks.amazonaws.com"):
            assert decide([roles.trust("scaler")], Call("sts:AssumeRole", caller=other)) == NOT_ALLOWED
        assert roles.may("scheduler-task", "sts:AssumeRole", roles.arn("scaler"))
        assert not roles.may("scheduler-task", "sts:AssumeRole", roles.arn("spark-service"))
        assert not roles.may("web-task", "sts:AssumeRole", roles.arn("scaler"))

    def test_there_is_none_where_nothing_scales(self, rendering):
        assert "scaler" not in [role.name for role in rendering("ha").of("Role")]


class TestData:
    """Secrets, share and bucket."""

    def secret(self, roles, name):
        return roles.rendered.one("secretsmanager.Secret", name).outputs["arn"]

    def test_each_service_starts_with_its_own_secrets(self, roles):
        read = "secretsmanager:GetSecretValue"
        for name in ("encryption-key", "redis-url"):
            assert roles.may("web-execution", read, self.secret(roles, name)), name
            assert roles.may("scheduler-execution", read, self.secret(roles, name)), name
        assert roles.may("web-execution", read, self.secret(roles, "owner-code"))
        assert not roles.may("scheduler-execution", read, self.secret(roles, "owner-code"))
        assert not roles.may("web-execution", read, f"arn:aws:secretsmanager:{PREFIX}:secret:another-0a1b2c")

    def test_the_code_itself_reads_the_rotating_password_and_no_other_secret(self, roles):
        read = "secretsmanager:GetSecretValue"
        for role in ("web-task", "scheduler-task"):
            assert roles.may(role, read, roles.rendered.outputs["databaseSecret"])
            assert not roles.may(role, read, self.secret(roles, "encryption-key"))

    def test_the_share_is_mounted_through_its_access_point(self, roles):
        share = roles.rendered.one("FileSystem").outputs["arn"]
        point = roles.rendered.one("AccessPoint").outputs["arn"]
        through = {"elasticfilesystem:AccessPointArn": point}
        for role in ("web-task", "scheduler-task"):
            assert roles.may(role, "elasticfilesystem:ClientMount", share, through)
            assert roles.may(role, "elasticfilesystem:ClientWrite", share, through)
            assert not roles.may(role, "elasticfilesystem:ClientMount", share)
            assert not roles.may(role, "elasticfilesystem:ClientRootAccess", share, through)

    def test_the_share_itself_refuses_plain_text_and_other_ways_in(self, roles):
        own = roles.rendered.document("FileSystemPolicy", "share")
        share = roles.rendered.one("FileSystem").outputs["arn"]
        point = {"elasticfilesystem:AccessPointArn": roles.rendered.one("AccessPoint").outputs["arn"]}

        def said(**context):
            return decide([own], Call("elasticfilesystem:ClientMount", share, context, caller="anybody"))

        assert said(**point, **{"aws:SecureTransport": "true"}) == NOT_ALLOWED
        assert said(**point, **{"aws:SecureTransport": "false"}) == "refused"
        assert said(**{"aws:SecureTransport": "true"}) == "refused"

    def test_the_bucket(self, roles):
        bucket = roles.rendered.one("Bucket").outputs["arn"]
        for role in ("web-task", "scheduler-task"):
            assert roles.may(role, "s3:ListBucket", bucket)
            assert all(
                roles.may(role, f"s3:{verb}Object", f"{bucket}/artifacts/a") for verb in ("Get", "Put", "Delete")
            )
            assert not roles.may(role, "s3:GetObject", f"{bucket}-of-another/artifacts/a")
            assert not roles.may(role, "s3:PutBucketPolicy", bucket)
        assert not roles.may("job-task", "s3:GetObject", f"{bucket}/artifacts/a")

    def test_the_bucket_itself_refuses_plain_text_and_old_tls(self, roles):
        own = roles.rendered.document("BucketPolicy", "data")
        thing = f"{roles.rendered.one('Bucket').outputs['arn']}/artifacts/a"

        def said(secure, tls):
            context = {"aws:SecureTransport": secure, "s3:TlsVersion": tls}
            return decide([own], Call("s3:GetObject", thing, context, caller="anybody"))

        assert said("true", "1.3") == NOT_ALLOWED
        assert said("true", "1.1") == "refused"
        assert said("false", "1.3") == "refused"

    def test_images_are_pulled_from_the_stacks_own_registry(self, roles):
        own = roles.rendered.one("ecr.Repository").outputs["arn"]
        for role in ("web-execution", "scheduler-execution", "job-execution"):
            assert roles.may(role, "ecr:GetAuthorizationToken")
            assert roles.may(role, "ecr:BatchGetImage", own)
            assert not roles.may(role, "ecr:PutImage", own)
            assert not roles.may(role, "ecr:BatchGetImage", f"{own}-2")

    def test_each_writes_its_own_logs(self, roles):
        own, other = (f"{roles.rendered.one('LogGroup', name).outputs['arn']}:log-stream:x" for name in ("web", "job"))
        assert roles.may("web-execution", "logs:PutLogEvents", own)
        assert not roles.may("web-execution", "logs:PutLogEvents", other)


class TestSpark:
    """What the pyspark executor calls in each mode, as the scheduler, and what Spark code may do."""

    def on_cluster(self, arn, context=None):
        names = ("AddJobFlowSteps", "CancelSteps", "DescribeCluster", "DescribeStep", "ListSteps")
        return [(f"elasticmapreduce:{name}", arn, context) for name in names]

    def test_on_demand_makes_clusters_with_the_stacks_tags_and_ends_those(self, roles):
        own = emr("j-ONE")
        allowed = [
            ("elasticmapreduce:RunJobFlow", "*", tags("Request", OWN_TAGS)),
            ("elasticmapreduce:AddTags", own, tags("Request", OWN_TAGS)),
            ("elasticmapreduce:TerminateJobFlows", own, tags("Resource", OWN_TAGS)),
            ("elasticmapreduce:PutAutoTerminationPolicy", own, tags("Resource", OWN_TAGS)),
            ("elasticmapreduce:ListClusters", "*", None),
            *self.on_cluster(own, tags("Resource", OWN_TAGS)),
            ("iam:PassRole", roles.arn("spark-service"), {"iam:PassedToService": "elasticmapreduce.amazonaws.com"}),
            ("iam:PassRole", roles.arn("spark-node"), {"iam:PassedToService": "ec2.amazonaws.com"}),
        ]
        assert [call for call in allowed if not roles.may("scheduler-task", *call)] == []
        assert [call for call in allowed if roles.may("web-task", *call)] == []

    def test_on_demand_leaves_other_clusters_alone(self, roles):
        others = tags("Resource", {**OWN_TAGS, "stack": "another"})
        refused = [
            ("elasticmapreduce:RunJobFlow", "*", None),
            ("elasticmapreduce:RunJobFlow", "*", tags("Request", {**OWN_TAGS, "stack": "another"})),
            ("elasticmapreduce:TerminateJobFlows", emr("j-TWO"), others),
            ("elasticmapreduce:TerminateJobFlows", emr("j-TWO"), None),
            *self.on_cluster(emr("j-TWO"), others),
            ("iam:PassRole", roles.arn("spark-node"), {"iam:PassedToService": "ecs-tasks.amazonaws.com"}),
            ("iam:PassRole", roles.arn("scheduler-task"), {"iam:PassedToService": "ec2.amazonaws.com"}),
        ]
        assert [call for call in refused if roles.may("scheduler-task", *call)] == []

    def test_shared_runs_steps_on_the_one_cluster(self, rendering):
        roles = Roles(rendering("autoscale", spark={"mode": "shared"}))
        own = roles.rendered.one("emr.Cluster").outputs["arn"]
        assert [call for call in self.on_cluster(own) if not roles.may("scheduler-task", *call)] == []
        assert [call for call in self.on_cluster(emr("j-TWO")) if roles.may("scheduler-task", *call)] == []
        assert not roles.may("scheduler-task", "elasticmapreduce:TerminateJobFlows", own)
        assert not roles.may("scheduler-task", "elasticmapreduce:RunJobFlow", "*", tags("Request", OWN_TAGS))

    def test_serverless_runs_jobs_on_the_one_application(self, rendering):
        roles = Roles(rendering("autoscale", spark={"mode": "serverless"}))
        own = roles.rendered.one("emrserverless.Application").outputs["arn"]
        to_emr = {"iam:PassedToService": "emr-serverless.amazonaws.com"}
        allowed = [
            *((f"emr-serverless:{name}", own) for name in ("StartJobRun", "StartApplication", "ListJobRuns")),
            *((f"emr-serverless:{name}", f"{own}/jobruns/0a") for name in ("GetJobRun", "CancelJobRun")),
            ("iam:PassRole", roles.arn("spark-job"), to_emr),
        ]
        assert [call for call in allowed if not roles.may("scheduler-task", *call)] == []
        another = own.replace("/applications/", "/applications/x")
        assert not roles.may("scheduler-task", "emr-serverless:StartJobRun", another)
        assert not roles.may("scheduler-task", "emr-serverless:CancelJobRun", f"{another}/jobruns/0a")
        assert not roles.may("scheduler-task", "iam:PassRole", roles.arn("scheduler-task"), to_emr)
        assert not roles.may("scheduler-task", "elasticmapreduce:RunJobFlow", "*", tags("Request", OWN_TAGS))

    @pytest.mark.parametrize(("mode", "role"), [("onDemand", "spark-node"), ("serverless", "spark-job")])
    def test_spark_code_has_its_prefix_alone(self, rendering, mode, role):
        roles = Roles(rendering("autoscale", spark={"mode": mode}))
        bucket = roles.rendered.one("Bucket").outputs["arn"]
        assert roles.may(role, "s3:PutObject", f"{bucket}/spark/a")
        assert roles.may(role, "s3:ListBucket", bucket, {"s3:prefix": "spark/a"})
        assert not roles.may(role, "s3:GetObject", f"{bucket}/artifacts/a")
        assert not roles.may(role, "s3:ListBucket", bucket, {"s3:prefix": "bundles/"})
        assert not roles.may(role, "s3:ListBucket", bucket)

    def test_off_gives_no_right_and_makes_nothing(self, rendering):
        roles = Roles(rendering("autoscale", spark={"mode": "off"}))
        granted = json.dumps(roles.policies("scheduler-task"))
        assert "elasticmapreduce" not in granted
        assert "emr-serverless" not in granted
        assert [one.urn for one in roles.rendered.resources if ":emr" in one.type or "spark" in one.name] == []


def test_ecs_takes_roles_for_this_account_alone(roles):
    for name in ("web-task", "web-execution", "scheduler-task", "job-task", "job-execution"):
        for account, said in ((ACCOUNT, ALLOWED), ("999999999999", NOT_ALLOWED)):
            call = Call("sts:AssumeRole", context={"aws:SourceAccount": account}, caller="ecs-tasks.amazonaws.com")
            assert decide([roles.trust(name)], call) == said, (name, account)
