"""Every rule, in the order in which they are told."""

from __future__ import annotations

from penstock_infra.policy import (
    caches,
    databases,
    environments,
    fronts,
    identities,
    images,
    labels,
    logs,
    networks,
    pods,
    protection,
    registries,
    scale,
    shares,
    spark,
    stacks,
    storage,
    vaults,
)
from penstock_infra.policy.rule import Rule, StackRule

RULES: tuple[Rule, ...] = (
    *databases.RULES,
    *caches.RULES,
    *shares.RULES,
    *storage.RULES,
    *vaults.RULES,
    *protection.RULES,
    *networks.RULES,
    *fronts.RULES,
    *identities.RULES,
    *environments.RULES,
    *images.RULES,
    *registries.RULES,
    *pods.RULES,
    *labels.RULES,
    *logs.RULES,
    *spark.RULES,
    *scale.RULES,
)
STACK_RULES: tuple[StackRule, ...] = (
    *databases.STACK_RULES,
    *shares.STACK_RULES,
    *storage.STACK_RULES,
    *networks.STACK_RULES,
    *fronts.STACK_RULES,
    *spark.STACK_RULES,
    *stacks.STACK_RULES,
)
