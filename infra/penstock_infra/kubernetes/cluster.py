"""What only a cluster has: the `kubernetes` group of the stack's config, and the providers that reach it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.program import stack_config
from penstock_infra.providers import neutral_providers
from penstock_platform.blueprint import Blueprint
from penstock_platform.options import KubernetesOptions
from penstock_platform.problems import BlueprintInvalid, Problem

LABEL_KEY = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?)?")
REPOSITORY = re.compile(r"[\w.-]+(:\d+)?(/[\w.-]+)+")


def cluster_options() -> KubernetesOptions:
    """Return the `kubernetes` group of the stack's config, which the blueprint was checked with."""
    return KubernetesOptions.model_validate(stack_config().get("kubernetes") or {})


def refuse_what_no_cluster_takes(blueprint: Blueprint, options: KubernetesOptions) -> None:
    """Raise RunError with every problem that only a cluster has, before any object is made."""
    if problems := list(_problems(blueprint, options)):
        raise pulumi.RunError(str(BlueprintInvalid(problems)))


def _problems(blueprint: Blueprint, options: KubernetesOptions) -> Iterator[Problem]:
    if blueprint.image.given is None and options.registry is None:
        yield Problem(
            "image",
            "a cluster has no registry of its own: give the image by digest, or name a repository that your "
            "`docker login` may push to (kubernetes.registry)",
        )
    if options.registry is not None and not REPOSITORY.fullmatch(options.registry):
        yield Problem(
            "kubernetes.registry", f"{options.registry!r} is no repository; write registry.example.com/penstock"
        )
    for key, value in blueprint.tags.items():
        if not (LABEL_KEY.fullmatch(key) and LABEL_VALUE.fullmatch(value)):
            yield Problem("tags", f"{key}={value} is no label of Kubernetes: letters, digits, dashes, dots, at most 63")


def cluster_providers() -> list[pulumi.ProviderResource]:
    """Return the provider of the cluster and the neutral ones."""
    return [cluster_provider("cluster"), *neutral_providers()]


def adopting_provider() -> pulumi.ProviderResource:
    """Return a provider that takes over what is there already.

    For the two namespaces alone: whoever names Secrets of their own makes namespace and Secrets before the stack.
    """
    return cluster_provider("namespaces", adopt=True)


def cluster_provider(name: str, *, adopt: bool = False) -> pulumi.ProviderResource:
    """Return a provider that applies server-side, by the keys kubernetes:kubeconfig, :context and :cluster."""
    config = pulumi.Config("kubernetes")
    provider: pulumi.ProviderResource = k8s.Provider(
        name,
        kubeconfig=config.get_secret("kubeconfig"),
        context=config.get("context"),
        cluster=config.get("cluster"),
        enable_server_side_apply=True,
        # A rotated Secret changes in place: it is protected, and the provider would otherwise replace it.
        enable_secret_mutable=True,
        upsert_existing_objects=adopt or None,
    )
    return provider
