"""Rules over a whole stack that are of no cloud: no secret in its outputs, and a cost within its budget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from penstock_infra.policy.environments import CREDENTIALS
from penstock_infra.policy.rule import ROOT, Setting, Stack, StackRule
from penstock_infra.policy.values import UNKNOWN, is_list, number

SECRET_VALUES = {
    "random:index/randomPassword:RandomPassword": ("result",),
    "random:index/randomBytes:RandomBytes": ("base64", "hex"),
    "aws:secretsmanager/secretVersion:SecretVersion": ("secretString",),
    "gcp:secretmanager/secretVersion:SecretVersion": ("secretData",),
    "gcp:redis/instance:Instance": ("authString",),
    "azure-native:keyvault:Secret": ("properties.value",),
    "kubernetes:core/v1:Secret": ("stringData", "data"),
}
"""Where secrets are in what a stack is made of."""
SHORTEST = 12
"""Shorter texts are in others by chance."""
BUDGET = Setting("monthlyBudget", "number", None, "In US dollars; without it the stack's own `penstock:monthlyBudget`.")


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text of a value."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from texts_in(item)
    elif is_list(value):
        for item in value:
            yield from texts_in(item)
    elif isinstance(value, str):
        yield value


def no_secret_exported(stack: Stack) -> Iterator[str]:
    """No output holds the value of a secret, or a URL with a password."""
    secrets = {
        text
        for kind, paths in SECRET_VALUES.items()
        for one in stack.of(kind)
        for path in paths
        for text in texts_in(one.get(path))
        if len(text) >= SHORTEST
    }
    for name, value in stack.outputs.values.items():
        for text in texts_in(value):
            if any(secret in text for secret in secrets) or CREDENTIALS.search(text):
                yield f"output {name} ({ROOT}): holds a secret; export where the secret is instead"
                break


NO_SECRET_OUT = StackRule(
    "no-secret-in-outputs",
    "Outputs say where secrets are, and never what they are.",
    {"all": [no_secret_exported]},
)


def within_budget(stack: Stack) -> Iterator[str]:
    """The most that the stack may cost a month (`monthlyCostEstimate.max`) is within `monthlyBudget`."""
    budget = number(stack.config.get(BUDGET.name))
    estimate = stack.outputs.get("monthlyCostEstimate.max")
    most = None if estimate is UNKNOWN else number(estimate)
    if budget is not None and most is not None and most > budget:
        yield (
            f"output monthlyCostEstimate ({ROOT}): may cost {most:g} US dollars a month, the budget is {budget:g}; "
            "set penstock:monthlyBudget higher, or smaller sizes"
        )


AFFORDABLE = StackRule(
    "within-budget",
    "The estimate of a month is within the budget, where there is one.",
    {"all": [within_budget]},
    settings=(BUDGET,),
)

STACK_RULES = (NO_SECRET_OUT, AFFORDABLE)
