"""Each identity may make its calls on the stack's own resources, and no other call anywhere."""

from __future__ import annotations

import pytest

from support.engine.clouds import gcp_tokens as t
from support.engine.clouds.gcp_iam import Iam

HERE = f"projects/{t.PROJECT}/locations/{t.REGION}"
JOBS = f"{HERE}/jobs"
ACCOUNTS = f"projects/{t.PROJECT}/serviceAccounts"
SECRETS = f"projects/{t.PROJECT}/secrets"
OWN_JOB = f"{JOBS}/penstock-job-small"
EXECUTION = f"{OWN_JOB}/executions/penstock-job-small-x7f2a"
POOL = f"{HERE}/workerPools/penstock-scheduler"
DOMAIN = {"domain": "pipes.example.com", "spark": {"mode": "shared"}}


def account(identity: str) -> str:
    return f"{ACCOUNTS}/penstock-{identity}@{t.PROJECT}.iam.gserviceaccount.com"


@pytest.fixture(scope="module")
def iam(made):
    """The most that a stack has: autoscale with a shared cluster."""
    return Iam(made("autoscale", **DOMAIN).world)


EXECUTOR_CALLS = [
    ("run a job", "run.jobs.run", OWN_JOB),
    ("run it with arguments", "run.jobs.runWithOverrides", OWN_JOB),
    ("look at the job", "run.jobs.get", OWN_JOB),
    ("look at an execution", "run.executions.get", EXECUTION),
    ("find executions by label", "run.executions.list", OWN_JOB),
    ("read a task's exit code", "run.tasks.list", EXECUTION),
    ("stop an execution", "run.executions.cancel", EXECUTION),
]


@pytest.mark.parametrize(("call", "permission", "resource"), EXECUTOR_CALLS)
def test_an_executor_makes_its_calls_on_the_stacks_jobs_and_nowhere_else(iam, call, permission, resource):
    assert iam.allows("scheduler", permission, resource), call
    for size in ("medium", "large", "xlarge"):
        assert iam.allows("scheduler", permission, resource.replace("job-small", f"job-{size}")), call
    for elsewhere in (f"{JOBS}/billing-export", f"{JOBS}/penstock-share-owner", HERE, f"projects/{t.PROJECT}"):
        assert not iam.allows("scheduler", permission, elsewhere), elsewhere
    for other in ("web", "job", "spark", "scaler"):
        assert not iam.allows(other, permission, resource), other


@pytest.mark.parametrize(
    ("permission", "resource"),
    [
        ("run.jobs.create", HERE),
        ("run.jobs.delete", OWN_JOB),
        ("run.jobs.update", OWN_JOB),
        ("run.jobs.setIamPolicy", OWN_JOB),
        ("run.executions.delete", EXECUTION),
        ("run.services.update", f"{HERE}/services/penstock"),
        ("iam.serviceAccounts.getAccessToken", account("web")),
        ("iam.serviceAccountKeys.create", account("job")),
        ("secretmanager.versions.access", f"{SECRETS}/somebody-elses"),
        ("secretmanager.versions.add", f"{SECRETS}/penstock-encryption-key"),
        ("storage.objects.get", "buckets/somebody-elses"),
        ("storage.buckets.setIamPolicy", f"buckets/{t.PROJECT}-penstock"),
        ("dataproc.clusters.delete", f"projects/{t.PROJECT}/regions/{t.REGION}/clusters/penstock-spark"),
    ],
)
def test_an_executor_is_refused_what_it_does_not_call(iam, permission, resource):
    assert not iam.allows("scheduler", permission, resource)


def test_an_executor_acts_as_jobs_and_spark_alone(iam):
    assert iam.allows("scheduler", "iam.serviceAccounts.actAs", account("job"))
    assert iam.allows("scheduler", "iam.serviceAccounts.actAs", account("spark"))
    for other in ("web", "scheduler", "scaler"):
        assert not iam.allows("scheduler", "iam.serviceAccounts.actAs", account(other))
    assert not iam.allows("scheduler", "iam.serviceAccounts.actAs", f"projects/{t.PROJECT}")


def test_an_executor_reads_the_stacks_own_log_bucket(iam, made):
    bucket = made("autoscale", **DOMAIN).one(t.LOG_BUCKET)["bucketId"]
    assert iam.allows("scheduler", "logging.views.access", f"{HERE}/buckets/{bucket}/views/_AllLogs")
    assert not iam.allows("scheduler", "logging.views.access", f"{HERE}/buckets/_Default/views/_AllLogs")


def test_a_job_may_do_nothing(iam):
    assert not [binding for binding in iam.bindings if "penstock-job@" in binding.member]


def test_the_scaler_changes_the_pool_and_nothing_else(iam):
    assert iam.allows("scaler", "run.workerpools.get", POOL)
    assert iam.allows("scaler", "run.workerpools.update", POOL)
    assert iam.allows("scaler", "iam.serviceAccounts.actAs", account("scheduler")), "Cloud Run asks for it"
    assert not iam.allows("scaler", "run.workerpools.update", f"{HERE}/workerPools/another")
    assert not iam.allows("scaler", "run.workerpools.delete", POOL)
    assert not iam.allows("scaler", "run.services.update", f"{HERE}/services/penstock")
    assert not iam.allows("scaler", "secretmanager.versions.access", f"{SECRETS}/penstock-encryption-key")


def test_a_scheduler_scales_by_the_scalers_account_alone(iam):
    assert not iam.allows("scheduler", "run.workerpools.update", POOL)
    assert iam.allows("scheduler", "iam.serviceAccounts.getAccessToken", account("scaler"))
    assert not iam.allows("web", "iam.serviceAccounts.getAccessToken", account("scaler"))


def test_nothing_of_a_scaler_is_made_where_nothing_scales(made):
    stack = made("ha", exposure="private", spark={"mode": "serverless"})
    assert t.POOL_MEMBER not in stack.tokens
    assert not [one for one in stack.all(t.ACCOUNT) if one.name == "scaler"]


@pytest.mark.parametrize(
    ("identity", "secret", "reads"),
    [
        ("web", "owner-code", True),
        ("scheduler", "owner-code", False),
        ("web", "encryption-key", True),
        ("scheduler", "encryption-key", True),
        ("scheduler", "database-password", True),
        ("scheduler", "redis-url", True),
        ("scheduler", "database-authority", True),
        ("web", "redis-authority", True),
        ("job", "encryption-key", False),
        ("job", "database-authority", False),
        ("spark", "database-password", False),
        ("scaler", "redis-url", False),
    ],
)
def test_each_identity_reads_its_own_secrets(iam, identity, secret, reads):
    assert iam.allows(identity, "secretmanager.versions.access", f"{SECRETS}/penstock-{secret}") is reads


def test_services_read_and_write_the_bucket_and_spark_its_own_folder(iam):
    bucket = f"buckets/{t.PROJECT}-penstock"
    for identity in ("web", "scheduler"):
        assert iam.allows(identity, "storage.objects.create", bucket)
    assert iam.allows("spark", "storage.objects.create", f"{bucket}/spark/run")
    assert not iam.allows("spark", "storage.objects.get", f"{bucket}/artifacts/run")
    assert not iam.allows("spark", "storage.objects.list", bucket)
    assert not iam.allows("spark", "storage.objects.get", f"projects/{t.PROJECT}")
    assert iam.allows("spark", "storage.objects.create", f"{bucket}-spark/staging")
    assert not iam.allows("job", "storage.objects.get", bucket)


@pytest.mark.parametrize("topology", ["single", "ha", "autoscale"])
def test_members_are_added_one_by_one_with_named_permissions(made, topology):
    keys = {"ha": {"exposure": "private", "spark": {"mode": "serverless"}}, "autoscale": DOMAIN}.get(topology, {})
    stack = made(topology, **keys)
    assert not [
        token for token in stack.tokens if token.lower().rsplit(":", 1)[-1].endswith(("iambinding", "iampolicy"))
    ]
    iam = Iam(stack.world)
    assert iam.bindings
    for binding in iam.bindings:
        assert binding.member.startswith("serviceAccount:penstock-"), "no allUsers, nobody of another stack"
        assert iam.permissions(binding.role), binding.role
        assert not binding.role.startswith(("roles/owner", "roles/editor", "roles/viewer"))
    on_project = {binding.role for binding in iam.bindings if binding.token == t.PROJECT_MEMBER}
    assert all("/roles/penstock_" in role for role in on_project), "on the project only roles of our own"


def test_no_permission_is_a_wildcard(made):
    for role in made("autoscale", **DOMAIN).all(t.ROLE):
        for permission in role.inputs["permissions"]:
            assert "*" not in permission
            assert permission.count(".") == 2


def test_in_single_the_one_service_has_both_parts(made):
    iam = Iam(made("single").world)
    assert iam.allows("penstock", "run.jobs.run", OWN_JOB)
    assert iam.allows("penstock", "secretmanager.versions.access", f"{SECRETS}/penstock-owner-code")
    assert not iam.allows("web", "run.jobs.run", OWN_JOB)


def test_services_wait_for_what_they_may_read(made):
    """Cloud Run refuses a revision whose account cannot read its secrets."""
    stack = made("single")
    (service,) = [one for one in stack.state if one.type == t.SERVICE]
    needed = {one.urn for one in stack.state if one.type == t.SECRET_MEMBER and one.name.startswith("penstock-")}
    assert needed
    assert needed <= set(service.dependencies)
