"""Habits that a linter does not know: excepts that catch everything say why, and tests do not sleep."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from support.sources import Source, sources

BROAD = frozenset({"Exception", "BaseException"})


def broad_handlers(tree: ast.Module) -> Iterator[ast.ExceptHandler]:
    """Yield handlers that catch everything and do not raise it again."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and catches_everything(node) and not raises_again(node):
            yield node


def catches_everything(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    types = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(isinstance(kind, ast.Name) and kind.id in BROAD for kind in types)


def raises_again(handler: ast.ExceptHandler) -> bool:
    return any(isinstance(node, ast.Raise) for node in handler.body)


def says_why(source: Source, line: int) -> bool:
    """Whether a comment that is more than a `noqa` stands on this line, the one before or the one after."""
    around = source.lines[max(0, line - 2) : line + 1]
    comments = [text.partition("#")[2].strip() for text in around]
    return any(is_reason(comment) for comment in comments)


def is_reason(comment: str) -> bool:
    """Whether a comment is more than a mark: `noqa: BLE001 - why` has its reason after the dash."""
    words = re.split(r" [-—] ", comment, maxsplit=1)[-1] if comment.startswith(("noqa", "pragma")) else comment
    return not words.startswith(("noqa", "pragma")) and len(words.split()) > 2


def test_an_except_that_catches_everything_says_why():
    wrong = [
        f"{source.path}:{handler.lineno}"
        for source in sources()
        for handler in broad_handlers(source.tree)
        if not says_why(source, handler.lineno)
    ]
    assert wrong == []


SLEEPS = frozenset({"time.sleep", "sleep", "asyncio.sleep", "anyio.sleep"})


def sleeps(tree: ast.Module) -> list[int]:
    """Return the lines that sleep for more than 0 seconds, outside functions that wait for a condition."""
    waiters = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and has_deadline(node)]
    excused = {id(node) for waiter in waiters for node in ast.walk(waiter)}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) in SLEEPS]
    return [call.lineno for call in calls if [ast.unparse(a) for a in call.args] != ["0"] and id(call) not in excused]


def has_deadline(function: ast.FunctionDef) -> bool:
    """Whether a function polls a condition against the clock: a loop, and time.monotonic."""
    inside = list(ast.walk(function))
    asks_the_clock = any(isinstance(node, ast.Attribute) and node.attr == "monotonic" for node in inside)
    return asks_the_clock and any(isinstance(node, ast.While) for node in inside)


def test_tests_wait_on_signals_not_on_time():
    """Polling with a deadline is for what gives no signal; benches measure idleness."""
    wrong = [
        f"{source.path}:{line}"
        for source in sources("tests")
        if not source.path.startswith("tests/bench/")
        for line in sleeps(source.tree)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("code", "count"),
    [
        ("import time\ntime.sleep(1)", 1),
        ("await asyncio.sleep(delay)", 1),
        ("await asyncio.sleep(0)", 0),
        ("def f(c):\n while not c():\n  assert time.monotonic() < end\n  time.sleep(0.01)", 0),
        ("clock.advance(1)", 0),
    ],
)
def test_sleeping_is_seen(code, count):
    assert len(sleeps(ast.parse(code))) == count


@pytest.mark.parametrize(
    ("line", "excused"),
    [
        ("except Exception:  # noqa: BLE001", False),
        ("except Exception:  # noqa: BLE001 — the loop outlives any block", True),
        ("except Exception:  # noqa: BLE001 - the loop outlives any block", True),
        ("except Exception:  # the loop outlives any block", True),
        ("except Exception:", False),
    ],
)
def test_a_reason_is_more_than_a_mark(line, excused):
    text = f"try:\n    x()\n{line}\n    pass\n"
    source = Source("x.py", text, ast.parse(text))
    assert says_why(source, next(broad_handlers(source.tree)).lineno) is excused


def test_a_handler_that_raises_again_needs_no_reason():
    assert list(broad_handlers(ast.parse("try:\n    x()\nexcept BaseException:\n    undo()\n    raise\n"))) == []
