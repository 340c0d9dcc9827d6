"""What a child may say: its messages checked once, when they are heard, so that nothing behind has to doubt them.

User code can write to the control socket, so a message may be any JSON at all. Each of these raises BrokenFrame.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from penstock_runtime.executors.local_process.frames import BrokenFrame
from penstock_runtime.ports.executor import BlockEvent

STATUSES = frozenset({"succeeded", "failed", "skipped", "deferred"})
COUNT_LIMIT = 2**31
"""A fan-out or map index of so much fits no database column."""


def checked_result(result: object) -> Mapping[str, Any]:
    """Return a RESULT that holds what it must: the fields that decisions and storage go by, each of its type."""
    if not isinstance(result, dict):
        raise BrokenFrame("a result that is no object")
    status = result.get("status")
    if not isinstance(status, str) or status not in STATUSES:
        raise BrokenFrame(f"a result whose status is none of {', '.join(sorted(STATUSES))}")
    if not isinstance(result.get("error"), dict | None):
        raise BrokenFrame("a result whose error is no object")
    if result.get("tests") is not None and not _are_objects(result["tests"]):
        raise BrokenFrame("a result whose tests are no list of objects")
    if not _is_count(result.get("fan_out")):
        raise BrokenFrame("a result whose fan_out is no count")
    outputs = result.get("outputs")
    if not isinstance(outputs, list) or not all(map(_is_output, outputs)):
        raise BrokenFrame("a result whose outputs are no list of outputs")
    return result


def block_event(message: Mapping[str, Any], blocks: Sequence[Mapping[str, Any]]) -> BlockEvent:
    """Return what a whole-pipeline attempt says of one of its `blocks`."""
    block, index = message.get("block"), message.get("map_index")
    if not isinstance(block, str) or not any(one["slug"] == block for one in blocks):
        raise BrokenFrame("a report of no block of this pipeline")
    if not _is_count(index):
        raise BrokenFrame("a report whose map_index is no count")
    if message["event"] == "block_started":
        return BlockEvent(block, index)
    return BlockEvent(block, index, checked_result(message.get("result")))


def checked_ask(message: Mapping[str, Any]) -> tuple[int, str, Mapping[str, Any]]:
    """Return a question's number, what it asks for, and its arguments."""
    number, what, args = message.get("id"), message.get("what"), message.get("args") or {}
    if not isinstance(number, int) or not isinstance(what, str) or not isinstance(args, dict):
        raise BrokenFrame("a question without a number, a subject or arguments")
    return number, what, args


def _are_objects(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _is_count(value: object) -> bool:
    return value is None or (type(value) is int and 0 <= value < COUNT_LIMIT)


def _is_output(output: object) -> bool:
    """Whether it is an object whose files have names; `key` is the store's word on a file, never a child's."""
    if not isinstance(output, dict) or "key" in output or not isinstance(output.get("file"), str | None):
        return False
    if output.get("format") != "items":
        return True
    items = output.get("items")
    return isinstance(items, list) and all(isinstance(one, dict) and isinstance(one.get("file"), str) for one in items)
