"""How many copies of a service run, and who decides. Pure."""

from __future__ import annotations

from typing import Any

from penstock_platform.blueprint import ScaledBy, ScalingPlan, ServicePlan


def scale_of(service: ServicePlan, scaling: ScalingPlan | None) -> dict[str, Any]:
    """Return the bounds, and the rules where the platform moves between them."""
    bounds: dict[str, Any] = {"min_replicas": service.minimum, "max_replicas": service.maximum}
    if service.scaled_by is not ScaledBy.PLATFORM or scaling is None:
        return bounds
    return {
        **bounds,
        "cooldown_period": scaling.cooldown_seconds,
        "rules": [
            {"name": "requests", "http": {"metadata": {"concurrentRequests": str(scaling.requests_per_copy)}}},
            {
                "name": "cpu",
                "custom": {"type": "cpu", "metadata": {"type": "Utilization", "value": str(scaling.cpu_percent)}},
            },
        ],
    }


def ignored(service: ServicePlan) -> list[str] | None:
    """Return the properties that something else sets: the scaler moves the least number of copies."""
    return ["template.scale.minReplicas"] if service.scaled_by is ScaledBy.PENSTOCK else None
