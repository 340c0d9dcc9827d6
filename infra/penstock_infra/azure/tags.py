"""Tags on everything: the provider has no default tags, so a transformation of this run's stack adds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pulumi

from penstock_infra.azure.provider import NAMESPACE


def tag_everything(tags: Mapping[str, str]) -> None:
    """Add the tags to every Azure resource that takes any. Ends with the run: each has a root resource of its own."""

    def tagged(resource: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        # The SDK puts every argument of a resource into its properties, those that were not given as None.
        if not resource.type_.startswith(f"{NAMESPACE}:") or "tags" not in resource.props:
            return None
        props: dict[str, Any] = dict(cast("Mapping[str, Any]", resource.props))
        props["tags"] = {**tags, **(props["tags"] or {})}
        return pulumi.ResourceTransformationResult(props, resource.opts)

    pulumi.runtime.register_stack_transformation(tagged)
