"""The services: a Cloud Run service for what people reach, a worker pool for a scheduler of its own.

Cloud Run starts a new revision before it stops the old one. With Redis a scheduler of the new one works at once beside
the old one; without, it stands by until that one is gone (PENSTOCK_STANDBY_SECONDS), so that two never work at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_gcp as gcp

from penstock_infra.gcp.containers import ContainerArgs, container, limits, volumes
from penstock_infra.gcp.site import GcpComponent, Site
from penstock_platform.blueprint import ScaledBy, ScalingPlan

MOST_REQUESTS = 1000
"""Cloud Run's most requests at once in a container. A WebSocket is one for as long as it is open."""


@dataclass(frozen=True, kw_only=True)
class WebArgs:
    """The containers, who may reach them, how long a WebSocket lives, and how they scale."""

    containers: ContainerArgs
    ingress: str
    idle_seconds: int
    scaling: ScalingPlan | None


class WebService(GcpComponent):
    """Attributes: `service`, `name`. Called like the stack in every topology, so its address never changes."""

    needs = ("run",)

    def __init__(self, site: Site, args: WebArgs) -> None:
        """Make the service. Google's own check of callers is off: Penstock's sign-in and job tokens are in front."""
        super().__init__("web", site)
        self.service = gcp.cloudrunv2.Service(
            "web",
            name=site.name,
            location=site.region,
            labels=site.labels,
            ingress=args.ingress,
            invoker_iam_disabled=True,
            deletion_protection=False,
            template=web_template(args),
            opts=self.child(*args.containers.after),
        )
        self.name: pulumi.Output[str] = self.service.name
        self.finish()


def web_template(args: WebArgs) -> dict[str, Any]:
    """Return the template of the web service's revisions."""
    inner = args.containers
    one = container(inner) | {
        "ports": {"container_port": inner.plan.web_port},
        # CPU between requests too: runs, schedules and WebSockets go on without one.
        "resources": {"limits": limits(inner.plan), "cpu_idle": False, "startup_cpu_boost": True},
    }
    return {
        "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
        "service_account": inner.account,
        "timeout": f"{args.idle_seconds}s",
        "session_affinity": True,
        "max_instance_request_concurrency": MOST_REQUESTS,
        "scaling": scaling(args),
        "vpc_access": inner.network.interface(inner.network.apps),
        "containers": [one],
        "volumes": volumes(inner),
    }


def scaling(args: WebArgs) -> dict[str, Any]:
    """Return between how many copies Cloud Run moves, and at which load of each it adds one."""
    plan = args.containers.plan
    bounds: dict[str, Any] = {"min_instance_count": plan.minimum, "max_instance_count": plan.maximum}
    if plan.scaled_by is ScaledBy.PLATFORM and args.scaling is not None:
        bounds["cpu_utilization"] = args.scaling.cpu_percent / 100
        bounds["concurrency_utilization"] = args.scaling.requests_per_copy / MOST_REQUESTS
    return bounds


class SchedulerPool(GcpComponent):
    """Attributes: `pool`, `name`."""

    needs = ("run",)

    def __init__(self, site: Site, args: ContainerArgs) -> None:
        """Make the worker pool, with as many copies as the plan's least."""
        super().__init__("scheduler", site)
        one = container(args) | {"resources": {"limits": limits(args.plan)}}
        self.pool = gcp.cloudrunv2.WorkerPool(
            "scheduler",
            name=site.called("scheduler"),
            location=site.region,
            labels=site.labels,
            deletion_protection=False,
            scaling={"scaling_mode": "MANUAL", "manual_instance_count": args.plan.minimum},
            template={
                "service_account": args.account,
                "vpc_access": args.network.interface(args.network.apps),
                "containers": [one],
                "volumes": volumes(args),
            },
            opts=self._counted_by(args),
        )
        self.name: pulumi.Output[str] = self.pool.name
        self.finish()

    def _counted_by(self, args: ContainerArgs) -> pulumi.ResourceOptions:
        """Return the options; where Penstock moves the number of copies, an `up` must not move it back."""
        opts = self.child(*args.after)
        if args.plan.scaled_by is not ScaledBy.PENSTOCK:
            return opts
        owned = pulumi.ResourceOptions(ignore_changes=["scaling.manualInstanceCount"])
        return pulumi.ResourceOptions.merge(opts, owned)
