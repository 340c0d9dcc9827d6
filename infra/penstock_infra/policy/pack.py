"""The rules as a Pulumi policy pack."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pulumi
import pulumi_policy
from pulumi_policy.proxy import UnknownValueError

from penstock_infra.policy.rule import Resource, Rule, Setting, Stack, StackRule
from penstock_infra.policy.rules import RULES, STACK_RULES
from penstock_infra.policy.values import UNKNOWN, is_list

NAME = "penstock"
NAMESPACE = "penstock"
FROM_THE_STACK = ("protectData", "topology", "monthlyBudget")
"""Keys of the stack's own config that rules read; the pack's config goes before them."""


def build_pack() -> pulumi_policy.PolicyPack:
    """Return the pack. Making it serves it to the engine that started this process, until that ends it."""
    return pulumi_policy.PolicyPack(
        name=NAME,
        enforcement_level=pulumi_policy.EnforcementLevel.MANDATORY,
        policies=[*map(_policy, RULES), *map(_stack_policy, STACK_RULES)],
    )


def _policy(rule: Rule) -> Any:
    def validate(args: Any, report: Any) -> None:
        _report(rule.complaints(_resource(args, _config(args))), report)

    return pulumi_policy.ResourceValidationPolicy(
        name=rule.name, description=rule.description, validate=validate, config_schema=_schema(rule.settings)
    )


def _stack_policy(rule: StackRule) -> Any:
    def validate(args: Any, report: Any) -> None:
        config = _config(args)
        _report(rule.complaints(Stack(tuple(_resources(args.resources, config)), config)), report)

    return pulumi_policy.StackValidationPolicy(
        name=rule.name, description=rule.description, validate=validate, config_schema=_schema(rule.settings)
    )


def _resources(found: Sequence[Any], config: Mapping[str, Any]) -> Iterator[Resource]:
    for one in found:
        yield _resource(one, config)


def _resource(one: Any, config: Mapping[str, Any]) -> Resource:
    return Resource(one.resource_type, one.name, plain(one.props), protect=bool(one.opts.protect), config=config)


def _config(args: Any) -> dict[str, Any]:
    """Return what the operator set: in the stack's own config, and before that in the pack's."""
    own = pulumi.Config(NAMESPACE)
    # The engine hands the stack's config over in the environment; what is not set there is None or empty.
    stack = {key: value for key in FROM_THE_STACK if (value := own.get(key))}
    return {**stack, **(args.get_config() or {})}


def plain(value: Any) -> Any:
    """Return a value without the wrapping in which it comes: what is not known yet is UNKNOWN instead of an error."""
    if isinstance(value, Mapping):
        return {key: _item(value, key) for key in value}
    if is_list(value):
        return [_item(value, index) for index in range(len(value))]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _item(holder: Any, key: Any) -> Any:
    try:
        return plain(holder[key])
    except UnknownValueError:
        return UNKNOWN


def _schema(settings: Sequence[Setting]) -> Any:
    if not settings:
        return None
    properties = {one.name: {"type": one.kind, "description": one.meaning} for one in settings}
    for one in settings:
        if one.default is not None:
            properties[one.name]["default"] = one.default
    return pulumi_policy.PolicyConfigSchema(properties=properties)


def _report(complaints: Iterable[str], report: Any) -> None:
    for complaint in complaints:
        report(complaint)
