"""The registry of the runtime's image: no admin user, no anonymous pull; identities pull, the operator pushes."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.azure.names import world_name
from penstock_infra.azure.site import Site
from penstock_infra.component import Component
from penstock_infra.image import Registry, image_reference
from penstock_platform.blueprint import ImagePlan

REPOSITORY = "penstock"
TOKEN_USER = "00000000-0000-0000-0000-000000000000"  # noqa: S105 - a user name, the same for everyone
"""The user name that Azure's registries take together with a token."""
TIMEOUT_SECONDS = 30


class ImageRegistry(Component):
    """The registry: `server`, `id`, and the `image` by digest."""

    cloud = "azure"

    def __init__(self, name: str, *, site: Site, plan: ImagePlan, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the registry, and build and push the image where none was given.

        Standard, not Premium: the machine that pushes is outside the network, so the registry has to be reached there.
        """
        super().__init__(name, opts)
        registry = azure_native.containerregistry.Registry(
            "registry",
            registry_name=site.suffix.apply(lambda suffix: world_name(site.stem, suffix).replace("-", "")),
            resource_group_name=site.group,
            location=site.location,
            sku={"name": "Standard"},
            admin_user_enabled=False,
            anonymous_pull_enabled=False,
            opts=self.child(),
        )
        self.id: pulumi.Output[str] = registry.id
        self.server: pulumi.Output[str] = registry.login_server
        self.image = image_reference(plan, self._push_target(plan), self.child())
        self.finish(server=self.server, image=self.image)

    def _push_target(self, plan: ImagePlan) -> Registry:
        password = pulumi.Output.secret("" if plan.given else self._push_token())
        repository = pulumi.Output.concat(self.server, "/", REPOSITORY)
        return Registry(address=self.server, repository=repository, username=TOKEN_USER, password=password)

    def _push_token(self) -> pulumi.Output[str]:
        client = azure_native.authorization.get_client_token_output(opts=pulumi.InvokeOptions(parent=self))
        return pulumi.Output.all(self.server, client.token).apply(
            lambda known: push_token(str(known[0]), str(known[1]))
        )


def push_token(server: str, access_token: str) -> str:
    """Return the registry's own token for whoever runs the stack. Raises URLError when the registry refuses it.

    Docker cannot sign in with an Azure access token: the registry exchanges it for one of its own first.
    """
    form = urllib.parse.urlencode({"grant_type": "access_token", "service": server, "access_token": access_token})
    request = urllib.request.Request(f"https://{server}/oauth2/exchange", data=form.encode())
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - https alone, see above
        return str(json.load(answer)["refresh_token"])
