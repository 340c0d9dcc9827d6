"""The images of a stack: the runtime's, given or built and pushed to the operator's registry, and those of its data."""

from __future__ import annotations

import pulumi
import pulumi_docker_build as docker_build

from penstock_infra.component import Component
from penstock_infra.image import REPOSITORY, content_tag, labels
from penstock_platform.blueprint import ImagePlan
from penstock_platform.options import KubernetesOptions

POSTGRES = "docker.io/library/postgres:{version}-bookworm"
REDIS = "docker.io/valkey/valkey:8.1-bookworm"
"""By tag: which digest a tag has is known to its registry alone. kubernetes.postgresImage and .redisImage pin them."""


class Image(Component):
    """The runtime's image, built from this repository and pushed by the credentials of your `docker login`."""

    cloud = "kubernetes"

    def __init__(self, name: str, plan: ImagePlan, repository: str, opts: pulumi.ResourceOptions | None = None) -> None:
        """Build and push it. `reference` is the image by digest."""
        super().__init__(name, opts)
        image = docker_build.Image(
            name,
            context={"location": str(REPOSITORY)},
            dockerfile={"location": str(REPOSITORY / plan.dockerfile)},
            platforms=[plan.platform],
            tags=[f"{repository}:{content_tag()}"],
            labels=labels(),
            push=True,
            opts=self.child(),
        )
        self.reference: pulumi.Output[str] = image.ref
        self.finish(reference=self.reference)


def runtime_image(plan: ImagePlan, repository: str | None, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Return the runtime's image by digest: the one that was given, else one that is built for `repository`."""
    if plan.given is not None:
        return pulumi.Output.from_input(plan.given)
    if repository is None:  # refused before anything was made
        raise AssertionError("no image is given and no repository to push one to")
    return Image("image", plan, repository, opts).reference


def repository_of(image: str) -> str:
    """Return the repository of an image reference."""
    name = image.partition("@")[0]
    folder, slash, last = name.rpartition("/")
    return f"{folder}{slash}{last.partition(':')[0]}"


def postgres_image(options: KubernetesOptions, version: int) -> str:
    """Return the image of Postgres."""
    return options.postgres_image or POSTGRES.format(version=version)


def redis_image(options: KubernetesOptions) -> str:
    """Return the image of Redis."""
    return options.redis_image or REDIS
