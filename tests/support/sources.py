"""Our own source files, as the house rules see them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("platform/penstock_platform", "infra/penstock_infra", "runtime/penstock_runtime", "runtime/penstock")
BROKEN_ON_PURPOSE = "/tests/support/projects/"
"""Projects that tests run: some do not parse, some are slow, and none is ours to lint."""
MIGRATIONS = "runtime/penstock_runtime/persistence/migrations/"

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root, its text and its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


@dataclass(frozen=True)
class Function:
    """A function or method of ours. `where` is `path::Class.name`; `lines` its length without decorators."""

    where: str
    node: FunctionNode

    @property
    def lines(self) -> int:
        return (self.node.end_lineno or 0) - self.node.lineno + 1

    @property
    def parameters(self) -> int:
        args = self.node.args
        named = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
        return len([name for name in named if name not in {"self", "cls"}])


@cache
def sources(*folders: str) -> tuple[Source, ...]:
    """Return every Python file of these folders (of our packages, when none is named)."""
    found = []
    for folder in folders or PACKAGES:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if BROKEN_ON_PURPOSE in path.as_posix():
                continue
            text = path.read_text(encoding="utf-8")
            found.append(Source(path.relative_to(ROOT).as_posix(), text, ast.parse(text)))
    return tuple(found)


def functions(source: Source) -> Iterator[Function]:
    """Yield every function of a file, nested ones too."""
    yield from _functions(source.tree, source.path + "::")


def _functions(node: ast.AST, prefix: str) -> Iterator[Function]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FunctionNode):
            yield Function(prefix + child.name, child)
            yield from _functions(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{prefix}{child.name}.")
        else:
            yield from _functions(child, prefix)
