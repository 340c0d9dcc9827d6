"""The order of a pipeline's blocks, and the cycles that keep it from having one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def order(upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the slugs in topological order, stable in the author's; those on or behind a cycle are left out."""
    downstream: dict[str, list[str]] = {slug: [] for slug in upstream}
    waiting = {slug: len(set(parents)) for slug, parents in upstream.items()}
    for slug, parents in upstream.items():
        for parent in dict.fromkeys(parents):
            downstream[parent].append(slug)
    position = {slug: index for index, slug in enumerate(upstream)}
    ready = [slug for slug, count in waiting.items() if not count]
    ordered: list[str] = []
    while ready:
        slug = ready.pop(0)
        ordered.append(slug)
        for child in downstream[slug]:
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
        ready.sort(key=position.__getitem__)
    return ordered


def cycles(upstream: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Return a path for each cycle found, in the direction of the data, its first block repeated at the end."""
    remaining = set(upstream) - set(order(upstream))
    found: list[list[str]] = []
    for start in upstream:
        if start not in remaining:
            continue
        path, slug = [start], start
        while (parent := next((parent for parent in upstream[slug] if parent in remaining), None)) is not None:
            if parent in path:
                loop = path[path.index(parent) :]
                found.append(_from_first(list(reversed(loop)), upstream))
                remaining -= set(loop)
                break
            path.append(parent)
            slug = parent
        remaining -= set(path)
    return found


def without_cycles(upstream: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the graph without the edges that close a cycle, so that a broken pipeline can still be shown."""
    acyclic = {slug: list(parents) for slug, parents in upstream.items()}
    ordered = set(order(acyclic))
    for slug in upstream:
        if slug not in ordered:
            acyclic[slug] = [parent for parent in acyclic[slug] if parent in ordered]
            ordered = set(order(acyclic))
    return acyclic


def _from_first(loop: list[str], upstream: Mapping[str, Sequence[str]]) -> list[str]:
    """Turn the loop so that it starts at the block that stands first in the file."""
    position = {slug: index for index, slug in enumerate(upstream)}
    start = loop.index(min(loop, key=position.__getitem__))
    turned = loop[start:] + loop[:start]
    return [*turned, turned[0]]
