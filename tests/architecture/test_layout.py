"""Folders that would hide the standard library or an SDK, and names the house does not use."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.mage_hook import SUPPORTED
from support.sources import PACKAGES, ROOT, Source, sources

IMPORT_ROOTS = ("platform", "infra", "runtime", "tests")
HIDING = frozenset({"platform", "secrets", "azure", "kubernetes", "logging"})
FORBIDDEN_WORDS = frozenset({"manager", "helper", "helpers", "utils", "util", "common", "base", "misc", "v2"})
# The project format is Mage's: blocks written for it import these very names.
ANSWERED_FOR_MAGE = frozenset(" ".join(names for table in SUPPORTED.values() for names in table.values()).split())


@pytest.mark.parametrize("root", IMPORT_ROOTS)
def test_no_import_root_is_itself_a_package(root):
    """`platform/__init__.py` alone crashes `python -m pytest`: the folder would hide the standard library's module."""
    assert not (ROOT / root / "__init__.py").exists()


@pytest.mark.parametrize("root", [".", *IMPORT_ROOTS])
def test_nothing_importable_hides_the_standard_library_or_an_sdk(root):
    found = [path.name for path in (ROOT / root).iterdir() if hides(path)] if (ROOT / root).exists() else []
    assert found == []


def hides(path: Path) -> bool:
    """Whether `import <name>` from that root would find this instead of the module everyone means."""
    if path.is_dir():
        return path.name in HIDING and (path / "__init__.py").exists()
    return path.suffix == ".py" and path.stem in HIDING


def test_the_folders_of_tests_are_lanes_not_packages():
    lanes = [path for path in (ROOT / "tests").iterdir() if path.is_dir()]
    assert [str(path) for path in lanes if (path / "__init__.py").exists()] == []


def forbidden_names(source: Source) -> Iterator[str]:
    """Yield the module, classes and functions of a file whose name holds a word that says nothing."""
    if says_nothing(Path(source.path).stem):
        yield Path(source.path).stem
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ClassDef) and says_nothing(node.name):
            yield node.name
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and words_of(node.name) & FORBIDDEN_WORDS:
            yield node.name


def says_nothing(name: str) -> bool:
    """Whether the name of a module or class holds such a word, or begins with `new` (it will not stay so)."""
    return bool(words_of(name) & FORBIDDEN_WORDS) or bool(re.match(r"_*(New[A-Z]|new_)", name))


def words_of(name: str) -> set[str]:
    """Split snake_case and CamelCase into lower-case words."""
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z0-9])|[A-Z]?[a-z0-9]+", name)}


def test_words_are_split_at_underscores_and_capitals():
    assert words_of("_RunManagerV2") == {"run", "manager", "v2"}
    assert words_of("make_HTTPBase") == {"make", "http", "base"}


def test_names_say_what_a_thing_is():
    wrong = [
        f"{source.path}: {name}"
        for source in sources()
        for name in forbidden_names(source)
        if name not in ANSWERED_FOR_MAGE
    ]
    assert wrong == []


def test_the_sdk_is_written_in_python_3_9():
    for source in sources("runtime/penstock"):
        ast.parse(source.text, filename=source.path, feature_version=(3, 9))


def test_every_package_of_ours_is_there():
    assert [package for package in PACKAGES if not (ROOT / package / "__init__.py").exists()] == []
