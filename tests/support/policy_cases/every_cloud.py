"""Cases of the rules that are of no cloud, and all cases together."""

from __future__ import annotations

from penstock_infra.policy.rule import ROOT, Resource
from support.mutations import with_value
from support.policy_cases.aws import AWS
from support.policy_cases.azure import AZURE
from support.policy_cases.cases import Break, Clouds, Made, Mutation, StackCase
from support.policy_cases.gcp import GCP
from support.policy_cases.kubernetes import KUBERNETES

PASSWORD = "random:index/randomPassword:RandomPassword"
EXPORTED = [
    Made(
        ROOT, "dev", {}, {"url": "https://penstock.example.com", "spark": {"backend": "off"}, "nextSteps": ["read it"]}
    ),
    Made(PASSWORD, "owner-code", {}, {"result": "aVeryLongOwnerCode123456"}),
]
ESTIMATE = [Made(ROOT, "dev", {}, {"monthlyCostEstimate": {"min": 90, "max": 120.5, "currency": "USD"}})]
STACKS = [
    StackCase(
        "no-secret-in-outputs",
        EXPORTED,
        Mutation(ROOT, "nextSteps[+]", "the code is aVeryLongOwnerCode123456"),
        "output nextSteps",
    ),
    StackCase("no-secret-in-outputs", EXPORTED, Mutation(ROOT, "spark.url", "rediss://:p@h:6379/0"), "output spark"),
    StackCase(
        "within-budget",
        ESTIMATE,
        Mutation(ROOT, "monthlyCostEstimate.max", 151),
        "the budget is 150",
        {"monthlyBudget": "150"},
    ),
]
CLOUDS: tuple[Clouds, ...] = (AWS, GCP, AZURE, KUBERNETES, Clouds({}, [], STACKS))

GOOD = {kind: props for cloud in CLOUDS for kind, props in cloud.good.items()}
"""Properties with which no rule finds fault, by type."""
BAD = {kind: props for cloud in CLOUDS for kind, props in cloud.bad.items()}
BREAKS = [one for cloud in CLOUDS for one in cloud.breaks]
STACK_CASES = [case for cloud in CLOUDS for case in cloud.stacks]


def broken(one: Break) -> Resource:
    """Return the resource of a break."""
    props = GOOD[one.type] if one.type in GOOD else BAD[one.type]
    if one.path and one.path != "protect":
        props = with_value(props, one.path, one.value)
    return Resource(one.type, one.name, props, protect=one.path != "protect", config=one.config)
