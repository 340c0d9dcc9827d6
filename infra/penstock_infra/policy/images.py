"""Rules for images: each by digest, so that what was looked at is what runs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock_infra.policy.containers import PLACES, containers_of
from penstock_infra.policy.rule import Resource, Rule

BY_DIGEST = re.compile(r"[^\s@]+@sha256:[0-9a-f]{64}")
BY_TAG: dict[str, str] = {
    "docker.io/library/postgres": "Postgres in a cluster; `kubernetes.postgresImage` pins it",
    "docker.io/valkey/valkey": "Redis in a cluster; `kubernetes.redisImage` pins it",
    "mcr.microsoft.com/azurelinux/base/core": "the start container that gives folders to their owner, on Azure",
}
"""Images of others that may go by a tag of their makers, each with its reason."""


def by_digest(resource: Resource) -> Iterator[str]:
    """Each container's `image` is by digest."""
    for container in containers_of(resource):
        image = container.text("image")
        if image and not BY_DIGEST.fullmatch(image) and image.rpartition(":")[0] not in BY_TAG:
            yield f"{container.at} runs {image}, which may become another image; set image to one by digest (@sha256:…)"


IMAGES = Rule(
    "image-by-digest",
    "Containers run images by digest.",
    {kind: [by_digest] for kind in PLACES},
    exceptions=tuple(f"`{name}` by tag: {why}." for name, why in BY_TAG.items()),
)

RULES = (IMAGES,)
