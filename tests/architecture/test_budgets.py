"""Sizes: a file 400 lines, functions p90 25 and p99 75, 6 parameters. budgets.toml has the exceptions."""

from __future__ import annotations

import ast
import tomllib
from math import ceil
from pathlib import Path

from support.sources import MIGRATIONS, functions, sources

FILE_LINES = 400
FILE_LINES_WITH_REASON = 700
FUNCTION_P90 = 25
FUNCTION_P99 = 75
PARAMETERS = 6
REASONS = tomllib.loads((Path(__file__).parent / "budgets.toml").read_text())


def test_files_stay_readable():
    long = {source.path: len(source.lines) for source in sources() if len(source.lines) > FILE_LINES}
    assert {path: lines for path, lines in long.items() if path not in REASONS["files"]} == {}
    assert {path: lines for path, lines in long.items() if lines > FILE_LINES_WITH_REASON} == {}


def test_functions_stay_short():
    lengths = sorted(f.lines for source in sources() for f in functions(source))
    assert percentile(lengths, 0.90) <= FUNCTION_P90
    assert percentile(lengths, 0.99) <= FUNCTION_P99


def test_the_longest_functions_say_why():
    found = [f for source in sources() if not source.path.startswith(MIGRATIONS) for f in functions(source)]
    long = {f.where: f.lines for f in found if f.lines > FUNCTION_P99}
    assert {where: lines for where, lines in long.items() if where not in REASONS["functions"]} == {}


def test_functions_take_few_parameters():
    found = [f for source in sources() for f in functions(source) if not is_framework_handler(f.node)]
    many = {f.where: f.parameters for f in found if f.parameters > PARAMETERS}
    assert {where: count for where, count in many.items() if where not in REASONS["parameters"]} == {}


def is_framework_handler(node: ast.AST) -> bool:
    """A Typer command or FastAPI route: its parameters are options and query fields that nobody calls."""
    decorators = " ".join(ast.unparse(d) for d in getattr(node, "decorator_list", []))
    return any(mark in decorators for mark in (".command(", ".callback(", ".get(", ".post(", ".put(", ".delete("))


def test_no_reason_outlives_what_it_excuses():
    known = {source.path for source in sources()} | {f.where for source in sources() for f in functions(source)}
    assert [name for table in REASONS.values() for name in table if name not in known] == []


def percentile(ordered: list[int], fraction: float) -> int:
    return ordered[max(0, ceil(len(ordered) * fraction) - 1)]


def test_percentile_is_the_value_that_so_many_do_not_exceed():
    assert percentile(list(range(1, 101)), 0.90) == 90
    assert percentile([7], 0.99) == 7
