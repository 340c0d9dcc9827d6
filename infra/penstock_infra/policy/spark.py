"""Rules for Spark: what nobody uses stops, and what stays has a bound."""

from __future__ import annotations

from collections.abc import Iterator

from penstock_infra.policy.rule import Resource, Rule, Stack, StackRule
from penstock_infra.policy.values import GIVEN, TRUE, Must, at_most

LONGEST_IDLE = 60
"""Minutes."""
MOST_WORKERS = 50
SERVERLESS = "aws:emrserverless/application:Application"
CLUSTER = "aws:emr/cluster:Cluster"
SCALING = "aws:emr/managedScalingPolicy:ManagedScalingPolicy"
GOOGLE_CLUSTER = "gcp:dataproc/cluster:Cluster"
GOOGLE_SCALING = "gcp:dataproc/autoscalingPolicy:AutoscalingPolicy"
POOL = "azure-native:synapse:BigDataPool"
TOO_MANY = "it may grow too large"


def grows_to_a_bound(resource: Resource) -> Iterator[str]:
    """`computeLimits` let the shared cluster grow to 50 units at most."""
    for limit in resource.each("computeLimits"):
        yield from Must("maximumCapacityUnits", at_most(MOST_WORKERS), TOO_MANY)(limit)


STOPS = Rule(
    "spark-stops",
    f"Spark stops after {LONGEST_IDLE} minutes without work at most; a shared cluster has a bound instead.",
    {
        SERVERLESS: [
            Must("autoStopConfiguration.enabled", TRUE, "it runs and costs when nobody uses it"),
            Must("autoStopConfiguration.idleTimeoutMinutes", at_most(LONGEST_IDLE), "it stops late"),
            Must("maximumCapacity", GIVEN, TOO_MANY),
        ],
        SCALING: [grows_to_a_bound],
        GOOGLE_CLUSTER: [Must("clusterConfig.autoscalingConfig.policyUri", GIVEN, "it has no bounds")],
        GOOGLE_SCALING: [Must("workerConfig.maxInstances", at_most(MOST_WORKERS), TOO_MANY)],
        POOL: [
            Must("autoPause.enabled", TRUE, "it runs and costs when nobody uses it"),
            Must("autoPause.delayInMinutes", at_most(LONGEST_IDLE), "it stops late"),
            Must("autoScale.maxNodeCount", at_most(MOST_WORKERS + 1), TOO_MANY),
        ],
    },
    exceptions=(
        "The shared cluster (`spark.mode: shared`) stays on AWS and GCP: one that ends is missing at the next `up`.",
        "Kubernetes: Spark's pods end with their run, and the namespace's quota bounds them.",
    ),
)


def clusters_bounded(stack: Stack) -> Iterator[str]:
    """Each EMR cluster has a managed scaling policy."""
    if len(stack.of(SCALING)) < len(stack.of(CLUSTER)):
        for cluster in stack.of(CLUSTER):
            yield cluster.told("it has no bounds; add a ManagedScalingPolicy")


BOUNDED = StackRule("spark-bounded", "A cluster that stays has bounds.", {"aws": [clusters_bounded]})

RULES = (STOPS,)
STACK_RULES = (BOUNDED,)
