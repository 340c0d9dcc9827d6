"""Running one block: conditionals, inputs, the block's function, its tests, its outputs. The result is always true.

Whatever the block's code does — raises, exits, raises something that cannot be printed — becomes a result here; only
the end of the process itself is left for the executor to see.
"""

from __future__ import annotations

import os
import sys

from penstock import errors, logs, results, source, tables
from penstock.calling import call
from penstock.channel import FrameTooLarge
from penstock.errors import BlockError
from penstock.inputs import read_inputs
from penstock.keywords import keyword_arguments
from penstock.serialize import INLINE_BYTES, Writer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from penstock.channel import Channel
    from penstock.decorators import Collection
    from penstock.inputs import Inputs

    Result = dict[str, Any]

_TABLE_LIBRARIES = ("pandas", "polars", "pyarrow")
_DECORATORS = {"conditional": "condition"}


class BlockRun:
    """One block run: what the executor said of it, and where its outputs go."""

    __slots__ = ("block", "conditionals", "dynamic_input", "inputs", "map_index", "subfolder", "work")

    def __init__(self, work: dict[str, Any], block: dict[str, Any]) -> None:
        self.work = work
        self.block = block
        self.map_index: int | None = work.get("map_index")
        self.inputs: list[dict[str, Any]] = work.get("inputs") or []
        self.dynamic_input: dict[str, Any] | None = work.get("dynamic_input")
        self.conditionals: list[dict[str, Any]] = work.get("conditionals") or []
        self.subfolder = ""

    @property
    def bundle_dir(self) -> str:
        """The folder that the block's code is loaded from."""
        return str(self.work["bundle_dir"])

    def writer(self) -> Writer:
        """Where the outputs go."""
        limit = (self.work.get("limits") or {}).get("inline_bytes", INLINE_BYTES)
        return Writer(self.work["staging_dir"], self.subfolder, limit)


class TestsFailed(BlockError):
    """At least one of the block's `@test` functions failed; the message names them."""

    def __init__(self, tests: list[dict[str, Any]]) -> None:
        failed = [test for test in tests if not test["passed"]]
        lines = "; ".join([f"{test['name']}: {test['message']}" for test in failed])
        super().__init__(f"{len(failed)} of {len(tests)} tests failed: {lines}")
        self.tests = tests


def new_result(status: str, **fields: Any) -> Result:
    """A RESULT of the child protocol."""
    result: Result = {
        "status": status,
        "error": None,
        "outputs": [],
        "fan_out": None,
        "tests": [],
        "used_tables": False,
    }
    result.update(fields)
    return result


def failed(error: BaseException, bundle_dir: str) -> Result:
    """The RESULT of an error."""
    tests = error.tests if isinstance(error, TestsFailed) else []
    return new_result("failed", error=errors.describe(error, bundle_dir), tests=tests)


def report(channel: Channel, event: dict[str, Any], bundle_dir: str) -> Result:
    """Send an event with its RESULT; one that no frame holds goes as the failure that says so. Gives what was sent."""
    try:
        channel.send(event)
    except FrameTooLarge as error:
        event = {**event, "result": failed(BlockError(f"the result cannot be reported: {error}"), bundle_dir)}
        channel.send(event)
    result: Result = event["result"]
    return result


def run_block(run: BlockRun) -> Result:
    """Run one block to its RESULT. Raises nothing that user code can cause."""
    before = {name for name in _TABLE_LIBRARIES if name in sys.modules}
    try:
        result = _run(run)
    except BaseException as error:  # noqa: BLE001 - the edge of user code: sys.exit and Ctrl-C are failures of the block
        result = failed(error, run.bundle_dir)
    if not result["used_tables"]:
        result["used_tables"] = any(name in sys.modules for name in _TABLE_LIBRARIES if name not in before)
    return result


def _run(run: BlockRun) -> Result:
    inputs = read_inputs(run.inputs, run.block.get("upstream_blocks") or [], run.map_index, run.dynamic_input)
    for conditional in run.conditionals:
        if not _holds(run, conditional, inputs):
            logs.write_record("INFO", f"skipped: the condition {conditional['slug']!r} does not hold")
            return new_result("skipped", used_tables=inputs.used_tables)
    if run.block.get("language") == "sql":
        from penstock.sql_block import run_sql

        value, collection = run_sql(run, inputs), None
    else:
        collection = source.load(run.bundle_dir, run.block)
        logs.catch_standard_logging()
        value = call_block(run, collection, inputs)
        if run.block["type"] == "sensor":
            return new_result("succeeded" if value else "deferred")
    return _keep(run, value, collection, inputs)


def _holds(run: BlockRun, conditional: dict[str, Any], inputs: Inputs) -> bool:
    """Whether every `@condition` function of the file is true; they get the arguments of the block they guard."""
    collection = source.load(run.bundle_dir, conditional)
    functions = collection.functions.get("condition")
    if not functions:
        raise BlockError(f"{conditional['path']} has no function marked @condition")
    kwargs = {**keyword_arguments(run.work, conditional, run.map_index), **inputs.metadata}
    return all(call(f, inputs.values, kwargs, f"@condition {f.__name__}") for f in functions)


def call_block(run: BlockRun, collection: Collection, inputs: Inputs) -> Any:
    """Call the first function of the file that carries the decorator of the block's type."""
    kind = run.block["type"]
    decorator = _DECORATORS.get(kind, kind)
    functions = collection.functions.get(decorator)
    if not functions:
        others = ", ".join(["@" + name for name in collection.functions if name != "test"])
        raise BlockError(
            f"{run.block['path']} has no function marked @{decorator}" + (f" (it has {others})" if others else "")
        )
    kwargs = {**keyword_arguments(run.work, run.block, run.map_index), **inputs.metadata}
    return call(functions[0], inputs.values, kwargs, f"@{decorator} {functions[0].__name__}")


def _keep(run: BlockRun, value: Any, collection: Collection | None, inputs: Inputs) -> Result:
    """Test what the block returned, then store it."""
    tests: list[dict[str, Any]] = []
    if collection is not None and run.work.get("run_tests", True):
        tests = run_tests(run, collection, value)
    writer = run.writer()
    count = None
    if run.block.get("dynamic"):
        items, metadata = results.fan_out(value, run.block["slug"])
        outputs, count = results.store_fan_out(items, metadata, writer), results.length(items)
    else:
        outputs = results.store(value, writer)
    used = inputs.used_tables or writer.used_tables or (collection is not None and _names_tables(collection))
    return new_result("succeeded", outputs=outputs, fan_out=count, tests=tests, used_tables=used)


def _names_tables(collection: Collection) -> bool:
    """Whether the file imported a table library by name; a data parent has them loaded for every child."""
    loaded = [sys.modules.get(name) for name in _TABLE_LIBRARIES]
    return any(value is module for value in collection.namespace.values() for module in loaded if module is not None)


def run_tests(run: BlockRun, collection: Collection, value: Any) -> list[dict[str, Any]]:
    """Run the `@test` functions on the outputs. Raises TestsFailed, caused by the first failure, when one fails."""
    functions = collection.functions.get("test")
    if not functions:
        return []
    elements, _ = results.split(value)
    kwargs = keyword_arguments(run.work, run.block, run.map_index)
    tests: list[dict[str, Any]] = []
    cause: BaseException | None = None
    for function in functions:
        try:
            _call_test(function, elements, kwargs)
            tests.append({"name": function.__name__, "passed": True, "message": None})
        except Exception as error:  # noqa: BLE001 - user code; a test may fail with anything, and the others still run
            cause = cause or error
            message = errors.message_of(error) or f"{type(error).__name__}{_place(error, run.bundle_dir)}"
            tests.append({"name": function.__name__, "passed": False, "message": message})
    logs.write_record("INFO", f"{sum([test['passed'] for test in tests])}/{len(tests)} tests passed")
    if cause is not None:
        raise TestsFailed(tests) from cause
    return tests


def _call_test(function: Any, elements: list[Any], kwargs: dict[str, Any]) -> None:
    """Give a test the outputs as arguments, or, when it has room for one only, all of them as one list."""
    inputs = elements or [None]
    code = getattr(function, "__code__", None)
    if code is not None and len(inputs) > 1 and code.co_argcount == 1 and not code.co_flags & 4:
        inputs = [elements]
    call(function, inputs, kwargs, f"@test {function.__name__}")


def _place(error: BaseException, bundle_dir: str) -> str:
    """The line of a bare `assert`, which has no message of its own."""
    import traceback

    frames = traceback.extract_tb(error.__traceback__)
    frame = frames[-1]
    return f" at {os.path.relpath(frame.filename, bundle_dir)}:{frame.lineno}: {frame.line}"


def is_table(value: Any) -> bool:
    """Whether a value is a table of any library."""
    return tables.kind_of(value) is not None
