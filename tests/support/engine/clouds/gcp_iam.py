"""Says whether an identity may make a call, from the bindings and roles that a stack made: GCP's IAM, as we use it.

A member may do what a role holds on the resource it was given on and on everything below it. There is no deny, and
membership alone decides: conditions are refused here, because nothing of ours uses one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from support.engine.clouds import gcp_tokens as t
from support.engine.world import LiveObject, World

ROLES: dict[str, frozenset[str]] = {
    "roles/iam.serviceAccountUser": frozenset({"iam.serviceAccounts.actAs", "iam.serviceAccounts.get"}),
    "roles/iam.serviceAccountTokenCreator": frozenset({"iam.serviceAccounts.getAccessToken"}),
    "roles/logging.viewAccessor": frozenset({"logging.views.access", "logging.views.listLogs"}),
    "roles/secretmanager.secretAccessor": frozenset({"secretmanager.versions.access"}),
    "roles/storage.legacyBucketReader": frozenset({"storage.buckets.get", "storage.objects.list"}),
    "roles/storage.objectAdmin": frozenset(
        f"storage.objects.{verb}" for verb in ("create", "delete", "get", "list", "update", "setIamPolicy")
    ),
    "roles/storage.objectUser": frozenset(
        f"storage.objects.{verb}" for verb in ("create", "delete", "get", "list", "update")
    ),
}
"""The predefined roles that the stack gives, and what they hold of the calls that matter here."""


@dataclass(frozen=True)
class Binding:
    """Who got which role on which resource, by its whole name."""

    resource: str
    role: str
    member: str
    token: str


class Iam:
    """The bindings of one world."""

    def __init__(self, world: World) -> None:
        self.bindings = list(bindings_of(world))
        self._custom = {
            one.outputs["name"]: frozenset(one.inputs["permissions"])
            for one in world.objects.values()
            if one.token == t.ROLE
        }

    def permissions(self, role: str) -> frozenset[str]:
        """Return what a role holds; KeyError for one that neither the stack made nor the table knows."""
        return self._custom[role] if role in self._custom else ROLES[role]

    def allows(self, identity: str, permission: str, resource: str) -> bool:
        """Whether the account of an identity may do this on a resource."""
        member = f"serviceAccount:penstock-{identity}@{t.PROJECT}.iam.gserviceaccount.com"
        return any(
            binding.member == member
            and (resource == binding.resource or resource.startswith(f"{binding.resource}/"))
            and permission in self.permissions(binding.role)
            for binding in self.bindings
        )


def bindings_of(world: World) -> Iterator[Binding]:
    for one in world.objects.values():
        if one.token.lower().endswith("iammember") or "IamMember:" in one.token or "IAMMember:" in one.token:
            assert "condition" not in one.inputs
            yield Binding(resource_of(one), one.inputs["role"], one.inputs["member"], one.token)


def resource_of(one: LiveObject) -> str:
    """Return the whole name of what a member was given a role on."""
    inputs = one.inputs
    region = f"projects/{t.PROJECT}/locations/{inputs.get('location')}"
    names = {
        t.ACCOUNT_MEMBER: lambda: inputs["serviceAccountId"],
        t.BUCKET_MEMBER: lambda: f"buckets/{inputs['bucket']}",
        t.CLUSTER_MEMBER: lambda: f"projects/{t.PROJECT}/regions/{inputs['region']}/clusters/{inputs['cluster']}",
        t.FOLDER_MEMBER: lambda: f"buckets/{inputs['bucket']}/{inputs['managedFolder'].rstrip('/')}",
        t.JOB_MEMBER: lambda: f"{region}/jobs/{inputs['name']}",
        t.LOG_MEMBER: lambda: f"{region}/buckets/{inputs['bucket']}/views/{inputs['name']}",
        t.POOL_MEMBER: lambda: f"{region}/workerPools/{inputs['name']}",
        t.PROJECT_MEMBER: lambda: f"projects/{inputs['project']}",
        t.SECRET_MEMBER: lambda: inputs["secretId"],
    }
    return str(names[one.token]())
