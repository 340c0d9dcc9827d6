"""Rules for the number of copies: there is a bound, and it is not beyond reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from penstock_infra.policy.rule import Resource, Rule, Setting
from penstock_infra.policy.values import GIVEN, Must, at_most, number

MOST = 50
CAP = Setting("maxCopies", "number", MOST, "The most copies of a service.")


def within_cap(path: str) -> Callable[[Resource], Iterator[str]]:
    """Return the check that a number of copies is there and within the cap."""

    def check(resource: Resource) -> Iterator[str]:
        most = number(resource.config.get(CAP.name)) or MOST
        yield from Must(path, at_most(most), "there may be too many copies")(resource)

    check.__doc__ = f"`{path}` is within the cap."
    return check


def set_if_any(path: str) -> Callable[[Resource], Iterator[str]]:
    """Return the check of a number that something else may set."""

    def check(resource: Resource) -> Iterator[str]:
        if resource.get(path) is not None:
            yield from within_cap(path)(resource)

    check.__doc__ = f"`{path}`, where it is set, is within the cap."
    return check


CAPPED = Rule(
    "copies-capped",
    f"A service has a most number of copies, {MOST} unless the pack's config says otherwise.",
    {
        "aws:ecs/service:Service": [set_if_any("desiredCount")],
        "aws:appautoscaling/target:Target": [within_cap("maxCapacity")],
        "gcp:cloudrunv2/service:Service": [within_cap("template.scaling.maxInstanceCount")],
        "gcp:cloudrunv2/workerPool:WorkerPool": [set_if_any("scaling.manualInstanceCount")],
        "azure-native:app:ContainerApp": [within_cap("template.scale.maxReplicas")],
        "kubernetes:apps/v1:Deployment": [set_if_any("spec.replicas")],
        "kubernetes:autoscaling/v2:HorizontalPodAutoscaler": [within_cap("spec.maxReplicas")],
        "kubernetes:core/v1:ResourceQuota": [Must("spec.hard", GIVEN, "the namespace has no bounds")],
    },
    settings=(CAP,),
)

RULES = (CAPPED,)
