"""Job definitions made beforehand, one a size, and the settings with which executors use them."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.apps_environment import PROFILE
from penstock_infra.azure.containers import EMPTY_MOUNTS, EMPTY_VOLUMES, environment, resources
from penstock_infra.azure.services import Grounds
from penstock_infra.component import Component
from penstock_platform.blueprint import JobSize, JobsPlan


class Jobs(Component):
    """A Container Apps job for each size: `ids` by size."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        plan: JobsPlan,
        grounds: Grounds,
        identity: Any,
        jobs_url: pulumi.Output[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make them. A job starts when an executor says so, and is never tried again by the platform."""
        super().__init__(name, opts)
        self._plan, self._grounds, self._identity, self._jobs_url = plan, grounds, identity, jobs_url
        self.ids: dict[str, pulumi.Output[str]] = {size.name: self._job(size).id for size in plan.sizes}
        self.finish(ids=self.ids)

    def _job(self, size: JobSize) -> Any:
        grounds, own = self._grounds, self._identity.id
        return azure_native.app.Job(
            f"job-{size.name}",
            job_name=f"job-{size.name}",
            resource_group_name=grounds.site.group,
            location=grounds.site.location,
            environment_id=grounds.apps.id,
            workload_profile_name=PROFILE,
            identity={"type": "UserAssigned", "user_assigned_identities": [own]},
            configuration={
                "trigger_type": "Manual",
                "manual_trigger_config": {"parallelism": 1, "replica_completion_count": 1},
                "replica_timeout": self._plan.timeout_seconds,
                "replica_retry_limit": 0,
                "registries": [{"server": grounds.registry.server, "identity": own}],
                # The identity is for the image: code inside a job gets no token for it.
                "identity_settings": [{"identity": own, "lifecycle": "None"}],
            },
            template={"containers": [self._container(size)], "volumes": EMPTY_VOLUMES},
            opts=self.child(),
        )

    def _container(self, size: JobSize) -> dict[str, Any]:
        return {
            "name": "job",
            "image": self._grounds.registry.image,
            "args": list(self._plan.command[1:]),
            "resources": resources(size.cpu_millis, size.memory_mib),
            "env": environment({"PENSTOCK_JOBS_URL": self._jobs_url}, {}),
            "volume_mounts": EMPTY_MOUNTS,
        }
