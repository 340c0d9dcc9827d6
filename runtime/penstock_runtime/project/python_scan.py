"""What can be learned from a block's Python file without running it."""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

from penstock_runtime.project.mage_names import EXPORTS

_TABLES = re.compile(
    r"^[ \t]*(?:import|from)[ \t]+(?:pandas|polars|pyarrow|duckdb|pyspark|geopandas"
    r"|mage_ai\.io\.(?!config|base)|mage_ai\.data_cleaner)\b",
    re.MULTILINE,
)
_SPARK = re.compile(r"kwargs(?:\.get\(|\[)\s*['\"]spark['\"]|^[ \t]*(?:import|from)[ \t]+pyspark\b", re.MULTILINE)
_LOCAL_IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([A-Za-z_][\w.]*)[ \t]+import|import[ \t]+([A-Za-z_][\w.]*))", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """Where Python stopped reading, and why."""

    line: int
    column: int
    message: str


@dataclass(frozen=True, slots=True)
class PythonScan:
    """What one file says: the fault that keeps it from being read, or what it imports, decorates and connects to.

    `imports` are (dotted name, line, column) of what it takes from `mage_ai`; `decorators` the names of those on its
    functions;
    `profiles` are (name, line, column) of the connection profiles that it names by a literal.
    """

    fault: SyntaxFault | None = None
    imports: tuple[tuple[str, int, int], ...] = ()
    decorators: frozenset[str] = frozenset()
    profiles: tuple[tuple[str, int, int], ...] = ()


@lru_cache(maxsize=4096)
def scan(text: str) -> PythonScan:
    """Read a file's text. Cached: an unchanged file costs nothing when a code version is read again."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # an invalid escape in a user's string is not ours to print
            tree = ast.parse(text)
    except SyntaxError as error:
        return PythonScan(SyntaxFault(error.lineno or 1, error.offset or 1, error.msg))
    except (ValueError, RecursionError, MemoryError) as error:
        # A null byte, or nesting beyond the parser's stack.
        return PythonScan(SyntaxFault(1, 1, str(error) or "too deeply nested"))
    imports: list[tuple[str, int, int]] = []
    decorators: set[str] = set()
    profiles: list[tuple[str, int, int]] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports.extend(_mage_modules(node))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators.update(name for item in node.decorator_list if (name := _decorator(item)))
        elif isinstance(node, ast.Assign):
            profiles.extend(_profile(node))
    return PythonScan(None, tuple(imports), frozenset(decorators), tuple(profiles))


@lru_cache(maxsize=4096)
def uses_tables(text: str) -> bool:
    """Guess from the imports whether the file works on tables."""
    return _TABLES.search(text) is not None


@lru_cache(maxsize=4096)
def uses_spark(text: str) -> bool:
    """Guess whether the file needs a Spark session."""
    return _SPARK.search(text) is not None


@lru_cache(maxsize=4096)
def imported_modules(text: str) -> tuple[str, ...]:
    """Return the modules that the file imports, as written, in order."""
    return tuple(dict.fromkeys(found[1] or found[2] for found in _LOCAL_IMPORT.finditer(text)))


def _mage_modules(node: ast.Import | ast.ImportFrom) -> list[tuple[str, int, int]]:
    place = (node.lineno, node.col_offset + 1)
    if isinstance(node, ast.Import):
        return [(name.name, *place) for name in node.names if name.name.split(".")[0] == "mage_ai"]
    module = node.module or ""
    if node.level or module.split(".")[0] != "mage_ai":
        return []
    if module in EXPORTS:
        return [(f"{module}.{name.name}", *place) for name in node.names]
    return [(module, *place)]


def _decorator(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _profile(node: ast.Assign) -> list[tuple[str, int, int]]:
    """Find `config_profile = 'name'`, as every template of the format writes it."""
    named = any(isinstance(target, ast.Name) and target.id == "config_profile" for target in node.targets)
    if named and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return [(node.value.value, node.value.lineno, node.value.col_offset + 1)]
    return []
