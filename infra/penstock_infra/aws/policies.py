"""IAM documents as data: who may assume a role, and the statements of a policy. No resource is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from penstock_infra.aws.account import Account

Statement = Mapping[str, Any]
Conditions = Mapping[str, Mapping[str, Any]]
"""Operator to key to value: `{"ArnEquals": {"ecs:cluster": "arn:…"}}`."""
Resources = pulumi.Input[str] | Sequence[pulumi.Input[str]]


def document(*statements: Statement) -> pulumi.Output[str]:
    """Return a policy as JSON."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)}, sort_keys=True)


def allow(actions: Sequence[str], resources: Resources, conditions: Conditions | None = None) -> Statement:
    """Return a statement that allows these actions on these resources alone."""
    found: dict[str, Any] = {"Effect": "Allow", "Action": list(actions), "Resource": resources}
    return {**found, "Condition": conditions} if conditions else found


def deny_to_all(actions: Sequence[str], resources: Resources, conditions: Conditions) -> Statement:
    """Return a statement of a resource's own policy that refuses these actions to everybody on these conditions."""
    return {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": list(actions),
        "Resource": resources,
        "Condition": conditions,
    }


def pass_roles(roles: Sequence[pulumi.Input[str]], service: str) -> Statement:
    """Return the right to hand exactly these roles to one service."""
    return allow(("iam:PassRole",), list(roles), {"StringEquals": {"iam:PassedToService": service}})


def trust(service: str, account: Account) -> pulumi.Output[str]:
    """Return who may assume a role: one service, working for this account."""
    return assumed_by({"Service": service}, {"StringEquals": {"aws:SourceAccount": account.id}})


def assumed_by(principal: Mapping[str, Any], conditions: Conditions | None = None) -> pulumi.Output[str]:
    """Return who may assume a role."""
    found: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return document({**found, "Condition": conditions} if conditions else found)
