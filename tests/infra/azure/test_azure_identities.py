"""Who may do what on Azure: each call that an executor or the scaler makes, on its own resources and nowhere else."""

from __future__ import annotations

import pytest

from support.engine.clouds.azure_access import actions, assignments, everything, may, of
from support.engine.clouds.azure_ids import SUBSCRIPTION, TENANT

ELSEWHERE = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/somebody-elses/providers"
BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
PULL = "Microsoft.ContainerRegistry/registries/pull/read"
GET_SECRET = "Microsoft.KeyVault/vaults/secrets/getSecret/action"
GROUPS = "Microsoft.ContainerInstance/containerGroups"


@pytest.fixture
def stack(made):
    return made("autoscale")


@pytest.fixture
def principal(stack):
    return lambda name: stack.one("managedidentity:UserAssignedIdentity", name).outputs["principalId"]


@pytest.fixture
def allowed(stack, principal):
    return lambda name, action, resource: may(stack.world, principal(name), action, resource)


def container_groups(stack):
    return stack.one("resources:ResourceGroup", "jobs-group").id + f"/providers/{GROUPS}/attempt-1"


# What the executor calls: the action, and the resource of the stack that it is about.
EXECUTOR_CALLS = {
    "look at a job": ("Microsoft.App/jobs/read", lambda s: s.one("app:Job", "job-small").id),
    "start a job": ("Microsoft.App/jobs/start/action", lambda s: s.one("app:Job", "job-large").id),
    "stop a job": ("Microsoft.App/jobs/stop/action", lambda s: s.one("app:Job", "job-medium").id),
    "list runs of a job": (
        "Microsoft.App/jobs/executions/read",
        lambda s: s.one("app:Job", "job-small").id + "/executions/job-small-1",
    ),
    "make a container group": (f"{GROUPS}/write", container_groups),
    "watch a container group": (f"{GROUPS}/read", container_groups),
    "delete a container group": (f"{GROUPS}/delete", container_groups),
    "read a container's log": (
        f"{GROUPS}/containers/logs/read",
        lambda s: container_groups(s) + "/containers/job/logs",
    ),
    "put it into the subnet": (
        "Microsoft.Network/virtualNetworks/subnets/join/action",
        lambda s: s.one("network:Subnet", "jobs").id,
    ),
    "give it its identity": (
        "Microsoft.ManagedIdentity/userAssignedIdentities/assign/action",
        lambda s: s.one("managedidentity:UserAssignedIdentity", "job").id,
    ),
    "look at the Spark pool": (
        "Microsoft.Synapse/workspaces/bigDataPools/read",
        lambda s: s.one("synapse:BigDataPool").id,
    ),
}

# The same calls, where they must be refused.
WRONG_PLACES = {
    "start a job": lambda s: f"{ELSEWHERE}/Microsoft.App/jobs/job-small",
    "stop a job": lambda s: f"{ELSEWHERE}/Microsoft.App/jobs/job-small",
    "look at a job": lambda s: s.one("app:ContainerApp", "web").id,
    "list runs of a job": lambda s: f"{ELSEWHERE}/Microsoft.App/jobs/job-small/executions/1",
    "make a container group": lambda s: s.one("resources:ResourceGroup", "group").id + f"/providers/{GROUPS}/x",
    "watch a container group": lambda s: f"{ELSEWHERE}/{GROUPS}/x",
    "delete a container group": lambda s: s.one("resources:ResourceGroup", "group").id + f"/providers/{GROUPS}/x",
    "read a container's log": lambda s: f"{ELSEWHERE}/{GROUPS}/x/containers/y/logs",
    "put it into the subnet": lambda s: s.one("network:Subnet", "database").id,
    "give it its identity": lambda s: s.one("managedidentity:UserAssignedIdentity", "scheduler").id,
    "look at the Spark pool": lambda s: f"{ELSEWHERE}/Microsoft.Synapse/workspaces/w/bigDataPools/p",
}


@pytest.mark.parametrize("call", EXECUTOR_CALLS)
def test_the_executor_may_make_each_of_its_calls(stack, allowed, call):
    action, resource = EXECUTOR_CALLS[call]
    assert allowed("scheduler", action, resource(stack))


@pytest.mark.parametrize("call", EXECUTOR_CALLS)
def test_the_executor_is_refused_elsewhere(stack, allowed, call):
    action, _ = EXECUTOR_CALLS[call]
    assert not allowed("scheduler", action, WRONG_PLACES[call](stack))


@pytest.mark.parametrize("call", EXECUTOR_CALLS)
@pytest.mark.parametrize("name", ["web", "job", "scaler"])
def test_nobody_else_may_make_the_executors_calls(stack, allowed, name, call):
    action, resource = EXECUTOR_CALLS[call]
    assert not allowed(name, action, resource(stack))


def test_the_scaler_sets_the_size_of_the_scheduler_app_and_nothing_else(stack, principal, allowed):
    scheduler, web = (stack.one("app:ContainerApp", name).id for name in ("scheduler", "web"))
    for action in ("Microsoft.App/containerApps/read", "Microsoft.App/containerApps/write"):
        assert allowed("scaler", action, scheduler)
        assert not allowed("scaler", action, web)
        assert not allowed("scheduler", action, scheduler)
    assert {scope for _, scope in everything(stack.world, principal("scaler"))} == {scheduler}


def test_a_job_may_pull_its_image_and_nothing_else(stack, principal):
    registry = stack.one("containerregistry:Registry").id
    assert set(everything(stack.world, principal("job"))) == {(PULL, registry)}


def test_a_job_gets_no_token_for_its_identity(stack):
    settings = stack.inputs("app:Job", "job-small")["configuration"]["identitySettings"]
    assert [one["lifecycle"] for one in settings] == ["None"]


@pytest.mark.parametrize(
    ("service", "secrets"),
    [
        ("web", {"encryption-key", "owner-code", "database-password", "redis-url"}),
        ("scheduler", {"encryption-key", "database-password", "redis-url"}),
        ("job", set()),
        ("scaler", set()),
        ("spark", set()),
    ],
)
def test_each_identity_reads_its_own_secrets_alone(stack, allowed, service, secrets):
    readable = {one.name for one in stack.all("keyvault:Secret") if allowed(service, GET_SECRET, one.id)}
    assert readable == secrets
    assert not allowed(service, GET_SECRET, stack.one("keyvault:Vault").id)


def test_services_write_to_the_bucket_and_spark_to_its_lake(stack, allowed):
    bucket = stack.one("storage:BlobContainer", "container").id + "/blobs/artifacts/x"
    lake = stack.one("storage:BlobContainer", "filesystem").id + "/blobs/x"
    may_write = {name: (allowed(name, f"{BLOBS}/write", bucket), allowed(name, f"{BLOBS}/write", lake)) for name in (
        "web", "scheduler", "spark", "job", "scaler",
    )}  # fmt: skip
    assert may_write == {
        "web": (True, False),
        "scheduler": (True, False),
        "spark": (False, True),
        "job": (False, False),
        "scaler": (False, False),
    }


def test_no_action_of_ours_has_a_wildcard_and_no_role_grants_roles(stack):
    for role in of(stack.world, "authorization:RoleDefinition"):
        found = actions(stack.world, role.id)
        assert found
        assert not [action for action in found if "*" in action or "Microsoft.Authorization" in action]


def test_every_assignment_is_on_a_single_resource(stack):
    wide = [
        one.inputs["scope"]
        for one in of(stack.world, "authorization:RoleAssignment")
        if "/providers/" not in one.inputs["scope"]
    ]
    assert wide == [stack.one("resources:ResourceGroup", "jobs-group").id]
    in_that_group = [
        one
        for one in stack.world.objects.values()
        if one.inputs.get("resourceGroupName") == stack.outputs["executorSettings"]["PENSTOCK_AZURE_RESOURCE_GROUP"]
        and one.token != "azure-native:resources:ResourceGroup"
    ]
    assert in_that_group == []


def test_roles_are_assignable_in_the_stacks_own_groups_alone(stack):
    own = {one.id for one in stack.all("resources:ResourceGroup")}
    for role in of(stack.world, "authorization:RoleDefinition"):
        assert set(role.inputs["assignableScopes"]) == own


def test_names_of_assignments_are_the_same_each_time(made):
    guids = [
        [one.inputs["roleAssignmentName"] for one in of(made(topology).world, "authorization:RoleAssignment")]
        for topology in ("single", "autoscale")
    ]
    for found in guids:
        assert len(set(found)) == len(found)


def test_an_identity_that_has_no_work_has_no_rights(made):
    stack = made("single")
    assert {one.name for one in stack.all("managedidentity:UserAssignedIdentity")} == {"penstock", "job"}
    assert {role.name for role in stack.all("authorization:RoleDefinition")} == {
        "run-jobs", "run-containers", "join-subnet", "use-identity",
    }  # fmt: skip


def test_synapse_reads_its_lake_as_itself(stack):
    workspace = stack.one("synapse:Workspace").outputs["identity"]
    assert workspace["tenantId"] == TENANT
    lake = stack.one("storage:BlobContainer", "filesystem").id
    assert [one.inputs["scope"] for one in assignments(stack.world, workspace["principalId"])] == [lake]
