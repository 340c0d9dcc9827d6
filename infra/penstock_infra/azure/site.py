"""Where a stack is: its resource groups, region, tenant, and the suffix that makes its names unique."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_azure_native as azure_native
import pulumi_random as random

from penstock_infra.azure.names import SUFFIX_LENGTH
from penstock_infra.component import Component, Protection


@dataclass(frozen=True, kw_only=True)
class Site:
    """What every component needs to know. `group` and `jobs_group` are names, the `…_id`s resource ids."""

    stem: str
    suffix: pulumi.Output[str]
    location: str
    tenant: pulumi.Output[str]
    subscription: pulumi.Output[str]
    group: pulumi.Output[str]
    group_id: pulumi.Output[str]
    jobs_group: pulumi.Output[str]
    jobs_group_id: pulumi.Output[str]


class ResourceGroups(Component):
    """The stack's resource group, and one in which executors may make container groups and nothing else is."""

    cloud = "azure"

    def __init__(
        self,
        name: str,
        *,
        stem: str,
        location: str,
        protection: Protection,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Make the suffix and both groups; `site` is what the other components take."""
        super().__init__(name, opts)
        suffix = random.RandomString(
            "suffix", length=SUFFIX_LENGTH, special=False, upper=False, opts=self.child()
        ).result
        # Deleting a group deletes all that is in it, so it is as precious as the data.
        group = azure_native.resources.ResourceGroup(
            "group",
            resource_group_name=pulumi.Output.concat(stem, "-", suffix),
            location=location,
            opts=self.data(protection),
        )
        jobs = azure_native.resources.ResourceGroup(
            "jobs-group",
            resource_group_name=pulumi.Output.concat(stem, "-jobs-", suffix),
            location=location,
            opts=self.child(),
        )
        client = azure_native.authorization.get_client_config_output(pulumi.InvokeOptions(parent=self))
        self.site = Site(
            stem=stem,
            suffix=suffix,
            location=location,
            tenant=client.tenant_id,
            subscription=client.subscription_id,
            group=group.name,
            group_id=group.id,
            jobs_group=jobs.name,
            jobs_group_id=jobs.id,
        )
        self.finish(group=group.name, jobs_group=jobs.name)
