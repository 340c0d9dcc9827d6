"""Decides what IAM policies allow, and holds policies to what AWS' services understand.

`decide` follows IAM's order: an explicit refusal, then an allowance, else no. It knows the operators that Penstock's
policies use and raises for any other, so that no condition is passed over. `mistakes` asks the service reference that
policy-sentry carries: whether actions exist, on which resources they work, and which condition keys they know.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from policy_sentry.querying.actions import get_action_data

Policy = Mapping[str, Any]
ALLOWED, REFUSED, NOT_ALLOWED = "allowed", "refused", "not allowed"


@dataclass(frozen=True)
class Call:
    """One call: the action, what it is about, what IAM knows of it, and who calls (for policies of resources).

    A caller is an ARN, or the name of a service.
    """

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)
    caller: str | None = None


def decide(policies: Sequence[Policy], call: Call) -> str:
    """Return ALLOWED, REFUSED (by a statement) or NOT_ALLOWED (by none)."""
    effects = [one["Effect"] for policy in policies for one in statements(policy) if concerns(one, call)]
    if "Deny" in effects:
        return REFUSED
    return ALLOWED if "Allow" in effects else NOT_ALLOWED


def statements(policy: Policy) -> list[Mapping[str, Any]]:
    found = policy["Statement"]
    return [found] if isinstance(found, Mapping) else list(found)


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def concerns(statement: Mapping[str, Any], call: Call) -> bool:
    """Return whether a statement is about this call."""
    unknown = set(statement) - {"Sid", "Effect", "Action", "Resource", "Principal", "Condition"}
    if unknown:
        raise NotImplementedError(f"statements with {sorted(unknown)}")
    return (
        any(like(pattern.lower(), call.action.lower()) for pattern in listed(statement["Action"]))
        and ("Resource" not in statement or any(like(one, call.resource) for one in listed(statement["Resource"])))
        and ("Principal" not in statement or by(statement["Principal"], call.caller))
        and all(holds(*condition, call.context) for condition in conditions(statement))
    )


def by(principal: Any, caller: str | None) -> bool:
    if principal == "*":
        return True
    named = [one for kind in principal.values() for one in listed(kind)]
    return "*" in named or caller in named


def conditions(statement: Mapping[str, Any]) -> Iterator[tuple[str, str, list[Any]]]:
    """Yield operator, key and values of every condition."""
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            yield operator, key, listed(values)


def holds(operator: str, key: str, values: list[Any], context: Mapping[str, str]) -> bool:
    """Return whether one condition holds; a key that the call does not have fails all but the negated operators."""
    if operator not in OPERATORS:
        raise NotImplementedError(f"the condition operator {operator}")
    given = {name.lower(): value for name, value in context.items()}.get(key.lower())
    if operator == "Null":
        return (given is None) == (str(values[0]).lower() == "true")
    if given is None:
        return "Not" in operator
    matches = [OPERATORS[operator](str(value), given) for value in values]
    return all(matches) if "Not" in operator else any(matches)


def like(pattern: str, value: str) -> bool:
    """Return whether a value matches a pattern with `*` and `?`."""
    return re.fullmatch(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), value, re.DOTALL) is not None


def arn_like(pattern: str, value: str) -> bool:
    """Return whether an ARN matches, part by part: a `*` crosses no colon, but in the last part."""
    return all(map(like, pattern.split(":", 5), value.split(":", 5)))


OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "ArnEquals": arn_like,
    "ArnLike": arn_like,
    "Bool": lambda value, given: value.lower() == given.lower(),
    "Null": lambda _value, _given: True,
    "NumericLessThan": lambda value, given: float(given) < float(value),
    "StringEquals": lambda value, given: value == given,
    "StringLike": like,
    "StringNotEquals": lambda value, given: value != given,
}


# What the services understand

GLOBAL_KEYS = ("aws:sourceaccount", "aws:sourcearn", "aws:securetransport")
ONLY_EVERYWHERE = {
    # Listing names no tasks; the reference has container instances, which Fargate does not.
    "ecs:ListTasks",
}


@functools.cache
def reference(action: str) -> list[Mapping[str, Any]]:
    """Return what the service reference says of an action, a row for each kind of resource; [] for none such."""
    service, name = action.split(":")
    found = get_action_data(service, name)
    return list(found[service]) if found else []


def mistakes(policy: Policy) -> list[str]:
    """Return what a service would not understand, and what is wider than it has to be."""
    return [text for statement in statements(policy) for text in statement_mistakes(statement)]


def statement_mistakes(statement: Mapping[str, Any]) -> Iterator[str]:
    for action in listed(statement["Action"]):
        if "*" in action:
            yield from [f"{action}: a wildcard"] if statement["Effect"] == "Allow" else []
        elif not (rows := reference(action)):
            yield f"{action}: there is no such action"
        else:
            yield from resource_mistakes(action, rows, listed(statement.get("Resource", [])))
            yield from key_mistakes(action, rows, statement)


def resource_mistakes(action: str, rows: list[Mapping[str, Any]], resources: list[str]) -> Iterator[str]:
    kinds = {row["resource_arn_format"] for row in rows} - {"*"}
    for resource in resources:
        if resource == "*" and kinds and action not in ONLY_EVERYWHERE:
            yield f"{action}: on everything, though it takes {', '.join(sorted(kinds))}"
        elif resource != "*" and not kinds:
            yield f"{action}: takes no resource"
        elif resource != "*" and not any(head(kind) == head(resource) for kind in kinds):
            yield f"{action}: {resource} is none of {', '.join(sorted(kinds))}"


def head(arn: str) -> tuple[str, str]:
    """Return the service of an ARN and the literal word at the head of its last part, empty where it has none."""
    parts = arn.split(":", 5)
    word = re.match(r"/?[a-z-]*(?=[/:])", parts[5])
    return parts[2], word.group() if word else ""


def key_mistakes(action: str, rows: list[Mapping[str, Any]], statement: Mapping[str, Any]) -> Iterator[str]:
    known = {key.lower().split("${")[0] for row in rows for key in row["condition_keys"]}
    for _operator, key, _values in conditions(statement):
        name = key.lower()
        understood = name in known or any(name.startswith(one) for one in known if one.endswith("/"))
        if not understood and name not in GLOBAL_KEYS:
            yield f"{action}: does not know the condition key {key}"
