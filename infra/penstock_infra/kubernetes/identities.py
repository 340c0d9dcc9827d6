"""Who the pods are, and what each may ask of the API server: nothing, unless its plan says that it starts jobs.

Jobs are started in a namespace of their own. Whoever may start a pod may mount any Secret of that pod's namespace, and
act as any of its accounts: in the jobs' namespace there are no secrets, and no account that may do more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component
from penstock_infra.kubernetes.pods import Object
from penstock_infra.kubernetes.scope import Scope
from penstock_platform.blueprint import Blueprint, IdentityPlan, Permission

RBAC = "rbac.authorization.k8s.io"
EXECUTOR_RULES: list[Object] = [
    {"api_groups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete", "get", "list", "watch"]},
    {"api_groups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch"]},
    {"api_groups": [""], "resources": ["pods/log"], "verbs": ["get"]},
]
SPARK_RULES: list[Object] = [
    {
        "api_groups": [""],
        "resources": ["configmaps", "pods", "services"],
        "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    }
]
DATA = "data"
"""The account of Postgres, Redis and the backups: no rights, and the Secret with which their images are pulled."""
OF_JOBS = frozenset({"job", "spark"})
"""Identities of the jobs' namespace; the others are the stack's own."""


def scaler_rules(deployment: str) -> list[Object]:
    """Return what the scaler may: read and set the number of pods of one Deployment."""
    return [
        {
            "api_groups": ["apps"],
            "resources": ["deployments/scale"],
            "resource_names": [deployment],
            "verbs": ["get", "patch", "update"],
        }
    ]


def token_rules(account: str) -> list[Object]:
    """Return what it takes to act as another account: ask for a short-lived token of that one."""
    return [
        {
            "api_groups": [""],
            "resources": ["serviceaccounts/token"],
            "resource_names": [account],
            "verbs": ["create"],
        }
    ]


def asks_api(identity: IdentityPlan) -> bool:
    """Return whether its pods need a token of the API server at all."""
    return Permission.START_JOBS in identity.may or identity.name == "spark"


@dataclass(frozen=True, kw_only=True)
class IdentitiesArgs:
    """The two namespaces, and the Secret with which images are pulled; it must be in both."""

    blueprint: Blueprint
    stack: Scope
    jobs: Scope
    pull_secret: str | None


class Identities(Component):
    """Every service account with its role. Their names are those of the blueprint's identities."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: IdentitiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the accounts, then the roles of those that may do something."""
        super().__init__(name, opts)
        self._args = args
        self.accounts = {
            identity.name: self._account(identity.name, self._scope(identity)) for identity in args.blueprint.identities
        }
        self.data_account = self._account(DATA, args.stack)
        for identity in args.blueprint.identities:
            if Permission.START_JOBS in identity.may:
                self._grant("executor", args.jobs, EXECUTOR_RULES, identity)
            if Permission.USE_SPARK_DATA in identity.may:
                self._grant("spark", args.jobs, SPARK_RULES, identity)
            if Permission.SCALE_SCHEDULER in identity.may:
                worker = args.blueprint.scheduler
                self._grant("scaler", args.stack, scaler_rules(worker.name), identity)
                self._grant("scaler-token", args.stack, token_rules(identity.name), self._plan(worker.identity))
        self.finish()

    def _plan(self, name: str) -> IdentityPlan:
        return self._args.blueprint.identity(name)

    def _scope(self, identity: IdentityPlan) -> Scope:
        return self._args.jobs if identity.name in OF_JOBS else self._args.stack

    def _account(self, name: str, scope: Scope) -> pulumi.Resource:
        pull = self._args.pull_secret
        account: pulumi.Resource = k8s.core.v1.ServiceAccount(
            name,
            metadata=scope.metadata(name),
            automount_service_account_token=False,
            image_pull_secrets=[{"name": pull}] if pull else None,
            opts=self.child(scope.made),
        )
        return account

    def _grant(self, name: str, scope: Scope, rules: Sequence[Object], identity: IdentityPlan) -> None:
        role = k8s.rbac.v1.Role(name, metadata=scope.metadata(name), rules=list(rules), opts=self.child(scope.made))
        subject = {"kind": "ServiceAccount", "name": identity.name, "namespace": self._scope(identity).namespace}
        k8s.rbac.v1.RoleBinding(
            name,
            metadata=scope.metadata(name),
            role_ref={"api_group": RBAC, "kind": "Role", "name": name},
            subjects=[subject],
            opts=self.child(role, self.accounts[identity.name]),
        )
