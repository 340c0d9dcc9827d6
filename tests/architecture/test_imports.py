"""Who may import whom: the contracts of pyproject.toml, and the two rules that import-linter cannot say."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.sources import ROOT, Source, sources

OWN = "runtime/penstock_runtime/"
SDK_HOMES = {
    "alembic": ("persistence/",),
    "argon2": ("auth/",),
    "boto3": ("storage/", "secret_stores/", "executors/", "scaling/"),
    "cryptography": ("auth/", "bootstrap/", "secret_stores/"),
    "fastapi": ("server/",),
    "psycopg": ("persistence/",),
    "redis": ("persistence/", "testing/"),
    "rich": ("cli/",),
    "sqlalchemy": ("persistence/",),
    "starlette": ("server/",),
    "typer": ("cli/",),
    "uvicorn": ("server/", "bootstrap/"),
}
"""Where each SDK may be imported, besides nowhere."""


def test_the_import_contracts_hold():
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr


def imported(source: Source) -> Iterator[str]:
    """Yield the top-level name of every import, late ones included."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]


def test_each_sdk_stays_in_its_named_folders():
    wrong = [
        f"{source.path} imports {name}"
        for source in sources("runtime/penstock_runtime")
        for name in set(imported(source)) & SDK_HOMES.keys()
        if not source.path.removeprefix(OWN).startswith(SDK_HOMES[name])
    ]
    assert wrong == []


def test_the_blueprint_needs_the_standard_library_and_pydantic_alone():
    allowed = sys.stdlib_module_names | {"pydantic", "penstock_platform"}
    wrong = {f"{source.path}: {name}" for source in sources("platform/penstock_platform") for name in imported(source)}
    assert [entry for entry in sorted(wrong) if entry.rsplit(": ", 1)[1] not in allowed] == []


def test_the_sdk_imports_only_the_standard_library_at_import():
    wrong = [
        f"{source.path}: {name}"
        for source in sources("runtime/penstock")
        for name in top_level_imports(source.tree)
        if name not in sys.stdlib_module_names | {"penstock", "_sha2"}  # _sha2: the standard library from 3.12 on
    ]
    assert wrong == []


def top_level_imports(tree: ast.Module) -> Iterator[str]:
    """Yield what runs when the module is imported: not function bodies, not TYPE_CHECKING blocks."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            waiting.extend(node.orelse)
        else:
            waiting.extend(ast.iter_child_nodes(node))


ENVIRONMENT_READERS = {
    "runtime/penstock_runtime/settings.py": "the one reader of the settings contract",
}


READS = frozenset({"environ", "environb", "getenv", "getenvb"})


def reads_environment(tree: ast.Module) -> bool:
    return any(names_environment(node) for node in ast.walk(tree))


def names_environment(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return ast.unparse(node.value) == "os" and node.attr in READS
    return isinstance(node, ast.ImportFrom) and node.module == "os" and bool({a.name for a in node.names} & READS)


def test_only_settings_reads_the_environment():
    readers = [
        source.path for source in sources("runtime/penstock_runtime", "platform") if reads_environment(source.tree)
    ]
    assert [path for path in readers if path not in ENVIRONMENT_READERS] == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import os\nos.environ['X']", True),
        ("import os\nos.getenv('X')", True),
        ("from os import environ", True),
        ("import os\nos.getpid()", False),
    ],
)
def test_reading_the_environment_is_seen_however_it_is_written(code, expected):
    assert reads_environment(ast.parse(code)) is expected


def test_imports_in_functions_and_for_type_checkers_do_not_run_at_import():
    code = "import os\nif TYPE_CHECKING:\n import pandas\ndef f():\n import numpy\ntry: import pyarrow\nexcept A: pass"
    assert sorted(top_level_imports(ast.parse(code))) == ["os", "pyarrow"]
