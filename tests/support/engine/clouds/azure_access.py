"""Decides what an identity may do on Azure: its assignments, the scopes above a resource, the actions of each role."""

from __future__ import annotations

from collections.abc import Iterator

from support.engine.clouds.azure_ids import token
from support.engine.world import LiveObject, World

BUILT_IN = {
    "7f951dda-4ed3-4680-a7ca-43fe172d538d": {"Microsoft.ContainerRegistry/registries/pull/read"},
    "4633458b-17de-408a-b874-0445c86b69e6": {
        "Microsoft.KeyVault/vaults/secrets/getSecret/action",
        "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    },
    "ba92f5b4-2d11-453d-a403-e96b0029c9fe": {
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action",
        "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/move/action",
    },
}
"""What Azure's own roles allow, by their GUID, as far as a stack could want it: Microsoft's list of built-in roles."""


def of(world: World, kind: str) -> list[LiveObject]:
    return [one for one in world.objects.values() if one.token == token(kind)]


def assignments(world: World, principal: str) -> list[LiveObject]:
    """Return the role assignments of a principal."""
    return [one for one in of(world, "authorization:RoleAssignment") if one.inputs["principalId"] == principal]


def actions(world: World, role: str) -> set[str]:
    """Return the actions of a role, control and data plane alike; LookupError for a role that is not known here."""
    guid = role.rsplit("/", 1)[1]
    if guid in BUILT_IN:
        return BUILT_IN[guid]
    for one in of(world, "authorization:RoleDefinition"):
        if one.inputs["roleDefinitionId"] == guid:
            return {action for permission in one.inputs["permissions"] for action in permission["actions"]}
    raise LookupError(f"no role {guid}")


def may(world: World, principal: str, action: str, resource: str) -> bool:
    """Whether a principal may do this to a resource: a role of it, on the resource or on what it lies in, says so."""
    return any(
        reaches(one.inputs["scope"], resource) and action in actions(world, one.inputs["roleDefinitionId"])
        for one in assignments(world, principal)
    )


def reaches(scope: str, resource: str) -> bool:
    return resource.lower() == scope.lower() or resource.lower().startswith(f"{scope.lower()}/")


def everything(world: World, principal: str) -> Iterator[tuple[str, str]]:
    """Yield every action of a principal and the scope that it has it on."""
    for one in assignments(world, principal):
        for action in actions(world, one.inputs["roleDefinitionId"]):
            yield action, one.inputs["scope"]
