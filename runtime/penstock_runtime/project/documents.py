"""YAML files with the place of every value, so that a problem can name its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# The C parser is some ten times faster and gives the same marks; a wheel without it still works.
LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Mark = tuple[int, int]


class DocumentBroken(Exception):
    """The text is not YAML that can be read; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        """Keep the place beside the message."""
        super().__init__(message)
        self.line = line
        self.column = column


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed YAML file: its value, and the node tree that still knows where each part stood."""

    file: str
    value: Any
    root: yaml.Node | None

    def mapping(self) -> dict[str, Any]:
        """Return the value when it is a mapping, else an empty one."""
        return self.value if isinstance(self.value, dict) else {}

    def place(self, *path: str | int) -> Mark:
        """Return (line, column) of the value at the path, or of its nearest parent that exists."""
        node = self.root
        mark = _mark(node)
        for step in path:
            found = _child(node, step)
            if found is None:
                return mark
            key, node = found
            # A mapping or a list is best pointed at by its key: the value starts a line later.
            mark = _mark(key if key is not None and not isinstance(node, yaml.ScalarNode) else node)
        return mark

    def key_place(self, *path: str | int) -> Mark:
        """Return (line, column) of the key at the end of the path (of the item, for a list)."""
        node = self.root
        for step in path[:-1]:
            found = _child(node, step)
            node = found[1] if found else None
        found = _child(node, path[-1]) if path else None
        if found is None:
            return self.place(*path)
        return _mark(found[0] if found[0] is not None else found[1])

    def duplicate_keys(self) -> list[tuple[str, Mark]]:
        """Return every mapping key that stands twice in the same mapping, with the second's place."""
        return list(_duplicates(self.root))


def parse(text: str, file: str) -> Document:
    """Parse YAML text. DocumentBroken names the place."""
    loader = LOADER(text)
    try:
        node = loader.get_single_node()
        value = loader.construct_document(node) if node is not None else None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = error.problem or error.context or "it cannot be parsed"
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise DocumentBroken(message, line, column) from error
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:
        # ValueError: a date such as 2023-13-40; TypeError: an unhashable key; RecursionError: endless nesting.
        raise DocumentBroken(str(error).split("\n", 1)[0] or type(error).__name__) from error
    finally:
        loader.dispose()
    return Document(file, value, node)


def read(root: Path, file: str) -> Document:
    """Read and parse `root/file`. FileNotFoundError; DocumentBroken, also for text that is not UTF-8."""
    try:
        text = (root / file).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DocumentBroken("it is not UTF-8 text") from error
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DocumentBroken(f"it cannot be read: {error.strerror}") from error
    return parse(text, file)


def _mark(node: yaml.Node | None) -> Mark:
    if node is None or node.start_mark is None:
        return (1, 1)
    return (node.start_mark.line + 1, node.start_mark.column + 1)


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node | None, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value == str(step):
                return key, value
    elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and 0 <= step < len(node.value):
        return None, node.value[step]
    return None


def _duplicates(node: yaml.Node | None) -> Iterator[tuple[str, Mark]]:
    """Walk without recursion: anchors may make the tree a graph, so each node is visited once."""
    todo = [node] if node is not None else []
    visited: set[int] = set()
    while todo:
        current = todo.pop()
        if id(current) in visited:
            continue
        visited.add(id(current))
        if isinstance(current, yaml.SequenceNode):
            todo.extend(current.value)
        elif isinstance(current, yaml.MappingNode):
            keys: set[str] = set()
            for key, value in current.value:
                todo.append(value)
                if not isinstance(key, yaml.ScalarNode) or key.value == "<<":
                    continue
                if key.value in keys:
                    yield key.value, _mark(key)
                keys.add(key.value)
