"""The runtime's image: the digest that was given, or one built from this repository and pushed to the registry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pulumi
import pulumi_docker_build as docker_build

from penstock_platform.blueprint import ImagePlan

REPOSITORY = Path(__file__).resolve().parents[2]
"""The root of this repository: the build's context."""


@dataclass(frozen=True, kw_only=True)
class Registry:
    """Where an image is pushed: the registry's address, the repository in it, and who may push."""

    address: pulumi.Input[str]
    repository: pulumi.Input[str]
    username: pulumi.Input[str]
    password: pulumi.Input[str]


def image_reference(plan: ImagePlan, registry: Registry, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    """Return the image by digest, building and pushing it where none was given."""
    if plan.given is not None:
        return pulumi.Output.from_input(plan.given)
    image = docker_build.Image(
        "image",
        context={"location": str(REPOSITORY)},
        dockerfile={"location": str(REPOSITORY / plan.dockerfile)},
        platforms=[plan.platform],
        # A registry with immutable tags takes each content once, under a tag of its own.
        tags=[pulumi.Output.format("{0}:{1}", registry.repository, content_tag())],
        labels=labels(),
        push=True,
        registries=[{"address": registry.address, "username": registry.username, "password": registry.password}],
        opts=opts,
    )
    reference: pulumi.Output[str] = image.ref
    return reference


BUILT_FROM = ("pyproject.toml", "uv.lock", "platform/penstock_platform", "runtime")
_MADE = frozenset({"node_modules", "static", "__pycache__"})


def content_tag(root: Path = REPOSITORY) -> str:
    """Return 16 hexadecimal digits that change when a file changes from which the image is built."""
    digest = hashlib.sha256()
    for path in _files(root):
        digest.update(f"{path.relative_to(root).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _files(root: Path) -> Iterator[Path]:
    for name in BUILT_FROM:
        place = root / name
        found = [place] if place.is_file() else sorted(place.rglob("*"))
        yield from (path for path in found if path.is_file() and not _MADE & set(path.relative_to(root).parts))


def labels() -> Mapping[str, str]:
    """Return the image's labels, in the names of the Open Container Initiative."""
    return {
        "org.opencontainers.image.title": "penstock",
        "org.opencontainers.image.licenses": "Apache-2.0",
    }
