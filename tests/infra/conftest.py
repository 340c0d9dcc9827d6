"""What infra tests share: stacks on the real engine (support/engine/stacks.py says how to use them)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from support.engine.stacks import EngineStack, Program
from support.lanes import lane_of

pytest.register_assert_rewrite("support.stack_suite")

# Said on import of a module that holds a resource under its old name too, whoever uses which.
OLD_NAMES = "ignore:.* has been deprecated in favor of:DeprecationWarning:pulumi_(aws|gcp).*"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let SDK modules be imported; warnings stay errors otherwise."""
    for item in items:
        if lane_of(item.nodeid) == "infra":
            item.add_marker(pytest.mark.filterwarnings(OLD_NAMES))


@pytest.fixture
def engine_stack(tmp_path: Path) -> Iterator[Callable[..., EngineStack]]:
    """Return a maker of stacks, `engine_stack(program, config, ...)`: a folder each, and all close at the end."""
    with ExitStack() as closing:
        made = 0

        def make(program: Program, config: dict[str, Any] | None = None, **others: Any) -> EngineStack:
            nonlocal made
            made += 1
            folder = others.pop("folder", tmp_path / f"stack-{made}")
            return closing.enter_context(EngineStack(folder, program, config, **others))

        yield make
