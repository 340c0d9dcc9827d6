"""The services: one container app each, on the share, with its own identity and secrets by reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.apps_environment import PROFILE, AppsEnvironment
from penstock_infra.azure.containers import (
    EMPTY_MOUNTS,
    EMPTY_VOLUMES,
    SHARE_VOLUME,
    environment,
    owner_of_folders,
    probes,
    resources,
)
from penstock_infra.azure.front import ingress_of
from penstock_infra.azure.registry import ImageRegistry
from penstock_infra.azure.scaling import ignored, scale_of
from penstock_infra.azure.site import Site
from penstock_infra.azure.vault import Vault
from penstock_infra.component import Component
from penstock_infra.environment import Environment
from penstock_platform.blueprint import Blueprint

STOP_MARGIN_SECONDS = 20
"""What a process gets to end in, after its blocks have had their time."""


@dataclass(frozen=True, kw_only=True)
class Grounds:
    """What services and jobs stand on."""

    site: Site
    apps: AppsEnvironment
    registry: ImageRegistry
    vault: Vault


class Service(Component):
    """One container app."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        blueprint: Blueprint,
        grounds: Grounds,
        identities: Sequence[Any],
        variables: Environment,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the app of the service of this name. The first identity pulls the image and reads the secrets."""
        super().__init__(name, opts)
        self._blueprint, self._grounds = blueprint, grounds
        self._plan = next(service for service in blueprint.services if service.name == name)
        self._identities, self._variables = identities, variables
        self.app: Any = azure_native.app.ContainerApp(
            name,
            container_app_name=name,
            resource_group_name=grounds.site.group,
            location=grounds.site.location,
            environment_id=grounds.apps.id,
            workload_profile_name=PROFILE,
            identity={"type": "UserAssigned", "user_assigned_identities": [one.id for one in identities]},
            configuration=self._configuration(),
            template=self._template(),
            opts=pulumi.ResourceOptions.merge(
                self.child(grounds.apps.mount, grounds.vault.open),
                pulumi.ResourceOptions(ignore_changes=ignored(self._plan)),
            ),
        )
        self.name: pulumi.Output[str] = self.app.name
        self.id: pulumi.Output[str] = self.app.id
        self.verification: pulumi.Output[str] = self.app.custom_domain_verification_id
        self.finish(name=self.name)

    def _configuration(self) -> dict[str, Any]:
        grounds, own = self._grounds, self._identities[0].id
        secrets = sorted(set(self._variables.secret.values()))
        return {
            # One revision serves; the next takes over once it is ready, so the two overlap for a moment.
            "active_revisions_mode": "Single",
            "ingress": ingress_of(self._plan, self._blueprint.front, self._blueprint.network),
            "registries": [{"server": grounds.registry.server, "identity": own}],
            "secrets": [
                {"name": secret.value, "key_vault_url": grounds.vault.reference(secret), "identity": own}
                for secret in secrets
            ],
            # The start container, which is not ours, gets no token.
            "identity_settings": [{"identity": one.id, "lifecycle": "Main"} for one in self._identities],
        }

    def _template(self) -> dict[str, Any]:
        plan, path = self._plan, self._blueprint.share.path
        return {
            "containers": [
                {
                    "name": plan.name,
                    "image": self._grounds.registry.image,
                    "args": list(plan.command[1:]),
                    "resources": resources(plan.cpu_millis, plan.memory_mib),
                    "env": self._environment(),
                    "probes": probes(plan),
                    "volume_mounts": [{"volume_name": "share", "mount_path": path}, *EMPTY_MOUNTS],
                }
            ],
            "init_containers": [owner_of_folders(path)],
            "volumes": [SHARE_VOLUME, *EMPTY_VOLUMES],
            "scale": scale_of(plan, self._blueprint.scaling),
            "termination_grace_period_seconds": plan.drain_seconds + STOP_MARGIN_SECONDS,
        }

    def _environment(self) -> list[dict[str, Any]]:
        variables, secrets = self._variables, sorted(set(self._variables.secret.values()))
        beside = {
            # An app with several identities has to say which of them its libraries are to use.
            "AZURE_CLIENT_ID": self._identities[0].client_id,
            # A changed secret alone makes no revision; a changed variable does.
            "REFERENCES_VERSION": self._grounds.vault.versions(secrets),
        }
        return environment({**variables.plain, **beside}, variables.secret)
