"""Callback blocks: functions that run after another block succeeded or failed."""

from __future__ import annotations

from penstock import blocks, logs, source
from penstock.calling import Shape, call
from penstock.errors import BlockError
from penstock.inputs import read_inputs
from penstock.keywords import keyword_arguments

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from penstock.blocks import BlockRun, Result


def run_callback(run: BlockRun, what: dict[str, Any]) -> Result:
    """Run the functions of a callback file for one event; `what` is `{"event", "parent", "error"}`.

    A function gets the parent's data as its first argument (None after a failure without data), or as
    `kwargs['__input'][parent]` when it takes keyword arguments only; after a failure `kwargs['__error']` is the error's
    text. All functions of the event run; the first error of one is the result's.
    """
    try:
        return _run(run, what)
    except BaseException as error:  # noqa: BLE001 - the edge of user code: sys.exit and Ctrl-C are failures too
        return blocks.failed(error, run.bundle_dir)


def _run(run: BlockRun, what: dict[str, Any]) -> Result:
    parent = what["parent"]
    inputs = read_inputs(run.inputs, [parent], run.map_index, None)
    collection = source.load(run.bundle_dir, run.block)
    logs.catch_standard_logging()
    if not collection.callbacks:
        raise BlockError(f"{run.block['path']} has no function marked @callback")
    kwargs = keyword_arguments(run.work, run.block, run.map_index)
    kwargs["__input"] = {parent: inputs.values[0], "df_1": inputs.values[0]}
    if what["event"] == "failure":
        kwargs["__error"] = what.get("error")
    first: BaseException | None = None
    for event, function in collection.callbacks:
        if event != what["event"]:
            continue
        shape = Shape(function)
        values = inputs.values if shape.positional or shape.takes_many else []
        try:
            call(function, values, kwargs, f"@callback {function.__name__}")
        except Exception as error:  # noqa: BLE001 - user code; one broken callback must not silence the others
            first = first or error
    if first is not None:
        raise first
    return blocks.new_result("succeeded", used_tables=inputs.used_tables)
