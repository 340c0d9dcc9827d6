"""Where a stack is on GCP, and what every component of this package shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from penstock_infra.component import Component, Protection
from penstock_infra.gcp.apis import Apis
from penstock_platform.blueprint import Blueprint


@dataclass(frozen=True, kw_only=True)
class Site:
    """A project and region, and how things are called there.

    What people look for by name is called after the stack; everything else is named by the engine.
    """

    project: str
    number: str
    """The project's number, part of the address of each Cloud Run service."""
    billing_account: str
    region: str
    name: str
    labels: Mapping[str, str]
    protection: Protection
    apis: Apis
    providers: pulumi.ResourceOptions

    def called(self, what: str) -> str:
        """Return the physical name of something of this stack."""
        return f"{self.name}-{what}"

    def identifier(self, what: str) -> str:
        """Return a name for places that allow no dashes, such as ids of custom roles."""
        return self.called(what).replace("-", "_")

    @property
    def web_url(self) -> str:
        """The address that Cloud Run gives to the service named like the stack: no path, no port, by HTTPS."""
        return f"https://{self.name}-{self.number}.{self.region}.run.app"


class GcpComponent(Component):
    """A component whose children wait until the APIs in `needs` are enabled."""

    cloud = "gcp"
    needs: tuple[str, ...] = ()

    def __init__(self, name: str, site: Site) -> None:
        """Register the component with the stack's own providers."""
        super().__init__(name, site.providers)
        self.site = site

    def child(self, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Return the options of a child; `after` are resources that must be there first, besides the APIs."""
        return super().child(*self.site.apis.of(self.needs), *after)


def site_of(blueprint: Blueprint, provider: gcp.Provider, providers: pulumi.ResourceOptions) -> Site:
    """Return the stack's site, having asked GCP for the project's number, which takes the Resource Manager API."""
    settings = pulumi.Config("gcp")
    project = settings.require("project")
    found = gcp.organizations.get_project(project_id=project, opts=pulumi.InvokeOptions(provider=provider))
    return Site(
        project=project,
        number=found.number,
        billing_account=found.billing_account or "",
        region=settings.require("region"),
        name=blueprint.name,
        labels=labels_of(blueprint.tags),
        protection=Protection(blueprint.protect_data),
        apis=Apis("apis", blueprint, project, providers),
        providers=providers,
    )


def labels_of(tags: Mapping[str, str]) -> Mapping[str, str]:
    """Return tags as labels: small letters, digits, `-` and `_`, at most 63 characters; keys begin with a letter."""
    return {_label(key if key[:1].isalpha() else f"x-{key}"): _label(value) for key, value in sorted(tags.items())}


def _label(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "_", text.lower())[:63]
