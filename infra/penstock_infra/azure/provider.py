"""The explicit provider of a stack on Azure, from the provider's own config keys."""

from __future__ import annotations

import pulumi
import pulumi_azure_native as azure_native

from penstock_infra.providers import neutral_providers

NAMESPACE = "azure-native"
_KEYS = {
    "subscription_id": "subscriptionId",
    "tenant_id": "tenantId",
    "client_id": "clientId",
    "environment": "environment",
    "oidc_request_url": "oidcRequestUrl",
}
_SWITCHES = {"use_msi": "useMsi", "use_oidc": "useOidc"}
_SECRETS = {"client_secret": "clientSecret", "oidc_token": "oidcToken"}


def location_of_stack() -> str:
    """Return `azure-native:location`. Raises RunError, before any resource, when it is not set."""
    location = pulumi.Config(NAMESPACE).get("location")
    if not location:
        raise pulumi.RunError("azure-native:location is missing: set it to a region with zones, such as westeurope")
    return location


def stack_providers(location: str) -> list[pulumi.ProviderResource]:
    """Return the Azure provider and the neutral ones. Whoever runs the stack signs in by `az login` or these keys."""
    config = pulumi.Config(NAMESPACE)
    given: dict[str, object] = {name: config.get(key) for name, key in _KEYS.items()}
    given |= {name: config.get_bool(key) for name, key in _SWITCHES.items()}
    given |= {name: config.get_secret(key) for name, key in _SECRETS.items()}
    known = {name: value for name, value in given.items() if value is not None}
    return [azure_native.Provider("azure", location=location, **known), *neutral_providers()]
