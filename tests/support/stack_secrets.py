"""The secret values of a stack, as its account knows them: what must not be found anywhere in the clear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from support.engine.stacks import EngineStack
from support.engine.wire import Secret

LEAST_LENGTH = 12
"""Shorter ones are no secrets of ours, and would be found in other words."""


def secret_values(stack: EngineStack) -> dict[str, str]:
    """Return every secret that the account made, by the name of its resource and its path there."""
    found: dict[str, str] = {}
    for one in stack.cloud.objects.values():
        for path, value in secrets_in(one.outputs, one.name):
            found[path] = value
            # The encryption key is used with the alphabet for URLs.
            found[f"{path} for URLs"] = value.replace("+", "-").replace("/", "_")
    return found


def secrets_in(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Yield every secret text in an output."""
    if isinstance(value, Secret):
        if isinstance(value.value, str) and len(value.value) >= LEAST_LENGTH:
            yield path, value.value
        else:
            yield from secrets_in(value.value, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from secrets_in(item, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from secrets_in(item, f"{path}[{index}]")
