"""The registry: tags that never move, images that are scanned."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.site import GcpComponent, Site
from penstock_infra.image import Registry as PushTarget


class Registry(GcpComponent):
    """Attributes: `url`, where images of this stack are."""

    needs = ("artifactregistry", "containerscanning")

    def __init__(self, site: Site) -> None:
        """Make the repository. Cloud Run pulls with its own agent, so no identity of ours needs a right on it."""
        super().__init__("registry", site)
        self._repository = gcp.artifactregistry.Repository(
            "registry",
            repository_id=site.name,
            location=site.region,
            format="DOCKER",
            docker_config={"immutable_tags": True},
            vulnerability_scanning_config={"enablement_config": "INHERITED"},
            labels=site.labels,
            opts=self.child(),
        )
        self.host = f"{site.region}-docker.pkg.dev"
        # By the repository's own id, so that whatever pushes waits until it is there.
        self.url: pulumi.Output[str] = pulumi.Output.concat(
            self.host, "/", site.project, "/", self._repository.repository_id
        )
        self.finish()

    def target(self, provider: pulumi.ProviderResource) -> PushTarget:
        """Return where to push, with the short-lived token of whoever runs the program."""
        token = gcp.organizations.get_client_config_output(opts=pulumi.InvokeOutputOptions(provider=provider))
        return PushTarget(
            address=self.host,
            repository=pulumi.Output.concat(self.url, "/penstock"),
            username="oauth2accesstoken",
            password=pulumi.Output.secret(token.access_token),
        )
