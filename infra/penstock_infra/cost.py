"""The `monthlyCostEstimate` output: what the blueprint is likely to cost, known before any resource is."""

from __future__ import annotations

from typing import Any

from penstock_platform.blueprint import Blueprint
from penstock_platform.cost import estimate


def cost_output(blueprint: Blueprint) -> dict[str, Any]:
    """Return `min`, `max`, `currency`, `as_of` and `lines`, each with `item`, `min`, `max` and `note`."""
    found = estimate(blueprint)
    return {
        "min": found.minimum,
        "max": found.maximum,
        "currency": found.currency,
        "as_of": found.as_of,
        "lines": [
            {"item": line.item, "min": line.minimum, "max": line.maximum, "note": line.note} for line in found.lines
        ],
    }
