"""A stack config for each cloud: the least that a stack needs beside its topology, as an operator would write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock_platform.vocabulary import Cloud, Topology

DIGEST = "registry.example.com/penstock@sha256:" + "5e" * 32

PROVIDER_KEYS: dict[Cloud, dict[str, Any]] = {
    Cloud.AWS: {"aws:region": "eu-central-1"},
    Cloud.GCP: {"gcp:project": "penstock-tests", "gcp:region": "europe-west3"},
    Cloud.AZURE: {
        "azure-native:location": "westeurope",
        "azure-native:subscriptionId": "00000000-0000-4000-8000-000000000001",
    },
    Cloud.KUBERNETES: {"kubernetes:context": "penstock-tests"},
}
"""The providers' own keys."""

OWN_KEYS: dict[Cloud, dict[str, Any]] = {
    Cloud.AWS: {"domain": "penstock.example.com"},
    Cloud.GCP: {},
    Cloud.AZURE: {},
    # A cluster has no registry of its own to push an image to.
    Cloud.KUBERNETES: {"image": DIGEST, "domain": "penstock.example.com", "kubernetes": {"issuer": "letsencrypt"}},
}
"""What a cloud cannot do without."""


def config_of(cloud: Cloud | str, topology: Topology | str, **keys: Any) -> dict[str, Any]:
    """Return the whole config of a stack; `keys` are `penstock:` keys that it has besides."""
    chosen = {"cloud": str(cloud), "topology": str(topology), **OWN_KEYS[Cloud(cloud)], **keys}
    return {**PROVIDER_KEYS[Cloud(cloud)], **{f"penstock:{key}": value for key, value in chosen.items()}}


def blueprint_keys(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `penstock:` keys of a config, without their namespace."""
    return {key.removeprefix("penstock:"): value for key, value in config.items() if key.startswith("penstock:")}
