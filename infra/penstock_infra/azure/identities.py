"""Identities: one for each role of the blueprint, and how they are granted something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.names import guid, world_name
from penstock_infra.azure.roles import BUILT_IN, ROLES, Custom
from penstock_infra.azure.site import Site
from penstock_infra.component import Component
from penstock_platform.blueprint import IdentityPlan


class Identities(Component):
    """A user-assigned identity for each plan, by name."""

    cloud = "azure"

    def __init__(
        self, name: str, *, site: Site, plans: Sequence[IdentityPlan], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Make them."""
        super().__init__(name, opts)
        self.by_name: dict[str, Any] = {
            plan.name: azure_native.managedidentity.UserAssignedIdentity(
                plan.name,
                resource_name_=f"penstock-{plan.name}",
                resource_group_name=site.group,
                location=site.location,
                opts=self.child(),
            )
            for plan in plans
        }
        self.finish()

    def __getitem__(self, name: str) -> Any:
        """Return an identity. Raises KeyError when the blueprint has none of that name."""
        return self.by_name[name]


class Roles(Component):
    """The roles of ours that a stack needs, each assignable in the stack's own groups alone."""

    cloud = "azure"

    def __init__(
        self, name: str, *, site: Site, needed: Sequence[Custom], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Define them."""
        super().__init__(name, opts)
        self._site = site
        self._definitions: dict[Custom, Any] = {custom: self._define(custom) for custom in needed}
        self.finish()

    def _define(self, custom: Custom) -> Any:
        site, role = self._site, ROLES[custom]
        return azure_native.authorization.RoleDefinition(
            custom.replace(" ", "-"),
            role_definition_id=guid(site.group_id, custom.value),
            # Names of roles are unique in a whole tenant.
            role_name=site.suffix.apply(lambda suffix: f"{world_name(site.stem, suffix)}: {custom.value}"),
            description=role.description,
            role_type="CustomRole",
            scope=site.group_id,
            assignable_scopes=[site.group_id, site.jobs_group_id],
            permissions=[
                {"actions": list(role.actions), "not_actions": [], "data_actions": [], "not_data_actions": []}
            ],
            opts=self.child(),
        )

    def of_ours(self, custom: Custom) -> pulumi.Output[str]:
        """Return the id of a role of ours."""
        found: pulumi.Output[str] = self._definitions[custom].id
        return found

    def built_in(self, purpose: str) -> pulumi.Output[str]:
        """Return the id of one of Azure's own roles, by what it is for."""
        return pulumi.Output.concat(
            "/subscriptions/",
            self._site.subscription,
            "/providers/Microsoft.Authorization/roleDefinitions/",
            BUILT_IN[purpose],
        )


def assign(
    component: Component, name: str, *, identity: Any, role: pulumi.Output[str], scope: pulumi.Input[str]
) -> azure_native.authorization.RoleAssignment:
    """Return the assignment of a role to an identity, on one resource."""
    return azure_native.authorization.RoleAssignment(
        name,
        role_assignment_name=guid(scope, identity.principal_id, role),
        principal_id=identity.principal_id,
        # Without the type Azure looks the identity up where a fresh one is not known yet, and refuses.
        principal_type="ServicePrincipal",
        role_definition_id=role,
        scope=scope,
        opts=component.child(),
    )
