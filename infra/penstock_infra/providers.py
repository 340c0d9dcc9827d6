"""The providers that every cloud's rendering needs besides its own.

Default providers are switched off, so that no resource can slip into an account by accident: each stack makes these and
hands them down with `pulumi.ResourceOptions(providers=…)`.
"""

from __future__ import annotations

import pulumi
import pulumi_docker_build as docker_build
import pulumi_random as random


def neutral_providers() -> list[pulumi.ProviderResource]:
    """Return the provider of random values and the provider that builds images."""
    return [random.Provider("random"), docker_build.Provider("docker-build")]
