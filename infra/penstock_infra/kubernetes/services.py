"""The services: one Deployment each, and a budget for interruptions where there are several pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as k8s

from penstock_infra.component import Component
from penstock_infra.environment import Environment
from penstock_infra.kubernetes.database import CHECKSUM
from penstock_infra.kubernetes.pods import (
    CONTAINER_SECURITY,
    Object,
    claimed,
    plain_variables,
    pod_spec,
    probe,
    resources,
    scratch,
    secret_variable,
)
from penstock_infra.kubernetes.scope import Scope
from penstock_infra.kubernetes.share import CLAIM
from penstock_platform.blueprint import Rollout, ScaledBy, SecretName, ServicePlan
from penstock_platform.quantities import cpu_text
from penstock_platform.service_settings import STATE_PATH

PORT = "http"
"""The name of a service's one port: the page's, or a lone scheduler's probes."""
SECONDS_TO_LEAVE = 5
"""How long a stopping web server goes on answering, until no balancer sends it anything."""
SECONDS_AFTER_DRAIN = 20
SPREAD = ("topology.kubernetes.io/zone", "kubernetes.io/hostname")
FORCE = {"pulumi.com/patchForce": "true"}
"""The autoscaler owns the number of pods; when a topology leaves it out, the program takes that number back."""


@dataclass(frozen=True, kw_only=True)
class ServiceArgs:
    """One service. `references` says in which Secret and under which key a secret is; `asks_api` mounts its token."""

    scope: Scope
    plan: ServicePlan
    image: pulumi.Input[str]
    environment: Environment
    references: Mapping[SecretName, tuple[str, str]]
    share: str
    checksum: pulumi.Input[str]
    asks_api: bool
    after: list[pulumi.Resource]


class Service(Component):
    """A Deployment under the service's own name."""

    cloud = "kubernetes"

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the Deployment and, for two pods and more, the budget that keeps all but one."""
        super().__init__(name, opts)
        scope, plan = args.scope, args.plan
        self.deployment = k8s.apps.v1.Deployment(
            plan.name,
            metadata=scope.metadata(plan.name, annotations=FORCE),
            spec={
                "replicas": plan.minimum,
                "revision_history_limit": 3,
                "selector": {"match_labels": scope.selector(plan.name)},
                "strategy": strategy(plan),
                "template": {
                    "metadata": scope.pod_metadata(plan.name, _annotations(args)),
                    "spec": _pod(args),
                },
            },
            opts=pulumi.ResourceOptions.merge(self.child(*args.after), _left_to_others(plan)),
        )
        if plan.minimum > 1:
            k8s.policy.v1.PodDisruptionBudget(
                plan.name,
                metadata=scope.metadata(plan.name),
                spec={
                    "max_unavailable": 1,
                    "selector": {"match_labels": scope.selector(plan.name)},
                    "unhealthy_pod_eviction_policy": "AlwaysAllow",
                },
                opts=self.child(scope.made),
            )
        self.finish(name=plan.name)


def _left_to_others(plan: ServicePlan) -> pulumi.ResourceOptions:
    """Return the options of a Deployment whose number of pods is moved by somebody else, once it is made."""
    owned = plan.scaled_by is not ScaledBy.NOBODY
    return pulumi.ResourceOptions(ignore_changes=["spec.replicas"] if owned else None)


def strategy(plan: ServicePlan) -> Object:
    """Return how a Deployment takes a new version."""
    if plan.rollout is Rollout.STOP_THEN_START:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rolling_update": {"max_surge": 1, "max_unavailable": 0}}


def _annotations(args: ServiceArgs) -> Mapping[str, pulumi.Input[str]]:
    return {
        CHECKSUM: args.checksum,
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(args.plan.probe_port),
        "prometheus.io/path": "/metrics",
    }


def _pod(args: ServiceArgs) -> Object:
    plan = args.plan
    volumes = [claimed("share", CLAIM), scratch("state", "10Gi"), scratch("tmp", "2Gi")]
    others: Object = {
        "automount_service_account_token": args.asks_api,
        "service_account_name": plan.identity,
        "termination_grace_period_seconds": plan.drain_seconds + SECONDS_AFTER_DRAIN,
    }
    if plan.minimum > 1:
        others["topology_spread_constraints"] = [
            {
                "max_skew": 1,
                "topology_key": key,
                "when_unsatisfiable": "ScheduleAnyway",
                "label_selector": {"match_labels": args.scope.selector(plan.name)},
            }
            for key in SPREAD
        ]
    return pod_spec([_container(args)], volumes, **others)


def _container(args: ServiceArgs) -> Object:
    plan = args.plan
    secrets = [
        secret_variable(name, *args.references[which])
        for name, which in args.environment.secret.items()
        if which in args.references
    ]
    return {
        "name": plan.name,
        "image": args.image,
        # The image's entry point prepares the folders and becomes `penstock`.
        "args": list(plan.command[1:]),
        "env": [*plain_variables(args.environment.plain), *secrets],
        "ports": [{"name": PORT, "container_port": plan.probe_port}],
        "resources": resources(cpu_text(plan.cpu_millis), plan.memory_mib),
        "security_context": CONTAINER_SECURITY,
        "startup_probe": probe(plan.startup),
        "liveness_probe": probe(plan.liveness),
        "readiness_probe": probe(plan.readiness),
        "volume_mounts": [
            {"name": "share", "mount_path": args.share},
            {"name": "state", "mount_path": STATE_PATH},
            {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - inside the container
        ],
        **({"lifecycle": _leaving()} if plan.serves_web else {}),
    }


def _leaving() -> Object:
    return {"pre_stop": {"exec_": {"command": ["sleep", str(SECONDS_TO_LEAVE)]}}}
