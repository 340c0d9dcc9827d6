"""A whole pipeline in one process: each block starts when its upstream blocks are done, several at once in threads.

The lease is the attempt's: this process dies as a whole, and the next attempt goes on from the blocks whose results
were reported, which it is given as `results`. A block reads its inputs from what was stored, never from another
block's memory, so that no block can change what another one sees.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from queue import SimpleQueue

from penstock import blocks, logs
from penstock.blocks import BlockRun
from penstock.errors import BlockError
from penstock.graph import Graph

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from penstock.blocks import Result
    from penstock.channel import Channel

THREADS = 16


def run_pipeline(work: dict[str, Any], channel: Channel) -> Result:
    """Run what has no result yet; report each block; give the RESULT of the whole.

    `failed` when a block failed (blocks that do not need it have run), else `deferred` when a sensor said False (what
    does not need it has run), else `succeeded`.
    """
    try:
        graph = Graph(work["blocks"], work.get("results") or {})
    except BlockError as error:
        return blocks.failed(error, work["bundle_dir"])
    sys.stdout, sys.stderr = logs.Router(sys.stdout), logs.Router(sys.stderr)
    try:
        return Driver(work, channel, graph).run()
    finally:
        sys.stdout, sys.stderr = sys.stdout.below, sys.stderr.below


class Driver:
    """Starts blocks as they become ready and takes their results as they end, in the main thread."""

    def __init__(self, work: dict[str, Any], channel: Channel, graph: Graph) -> None:
        self._work = work
        self._channel = channel
        self._graph = graph
        self._ended: SimpleQueue[tuple[str, int | None, Result]] = SimpleQueue()
        self._waiting: list[tuple[str, int | None]] = []
        self._open: dict[str, int] = {}
        self._worst: dict[str, str] = {}
        self._threads = 0
        self._used_tables = False
        self._errors: list[tuple[str, dict[str, Any]]] = []

    def run(self) -> Result:
        """Run to the end of what can run."""
        self._start_ready()
        while self._threads:
            slug, map_index, result = self._ended.get()
            self._threads -= 1
            self._take(slug, map_index, result)
            self._start_ready()
        return self._whole()

    def _whole(self) -> Result:
        status = "deferred" if "deferred" in self._graph.status.values() else "succeeded"
        result = blocks.new_result(status, used_tables=self._used_tables)
        if self._errors:
            slug, error = self._errors[0]
            result.update(status="failed", error={**error, "message": f"block {slug!r} failed: {error['message']}"})
        return result

    def _start_ready(self) -> None:
        changed = True
        while changed:
            changed = False
            for slug in self._graph.ready():
                if slug not in self._open:
                    changed |= self._open_block(slug)
        while self._waiting and self._threads < THREADS:
            slug, map_index = self._waiting.pop(0)
            self._threads += 1
            thread = threading.Thread(target=self._run_instance, args=(slug, map_index), name=slug, daemon=True)
            thread.start()

    def _open_block(self, slug: str) -> bool:
        """Queue a ready block's instances; True when it ended at once, so that others may be ready."""
        if self._graph.skips(slug):
            self._graph.finish(slug, "skipped")
            self._report(slug, None, blocks.new_result("skipped"))
            return True
        left = [index for index in self._graph.instances(slug) if index not in self._graph.outputs[slug]]
        if not left:
            self._graph.finish(slug, "succeeded")
            return True
        self._open[slug] = len(left)
        self._waiting += [(slug, index) for index in left]
        return False

    def _take(self, slug: str, map_index: int | None, result: Result) -> None:
        status = result["status"]
        self._used_tables |= result["used_tables"]
        if status == "succeeded":
            staging = self._work["staging_dir"]
            self._graph.outputs[slug][map_index] = [_with_path(output, staging) for output in result["outputs"]]
        if status == "failed":
            self._errors.append((slug, result["error"]))
        ranks = ("succeeded", "skipped", "deferred", "failed")
        self._worst[slug] = max(self._worst.get(slug, "succeeded"), status, key=ranks.index)
        self._open[slug] -= 1
        if not self._open[slug]:
            self._graph.finish(slug, self._worst[slug], result["fan_out"])

    def _report(self, slug: str, map_index: int | None, result: Result) -> Result:
        event = {"event": "block_finished", "block": slug, "map_index": map_index, "result": result}
        return blocks.report(self._channel, event, self._work["bundle_dir"])

    def _run_instance(self, slug: str, map_index: int | None) -> None:
        """The body of a block's thread."""
        logs.place.block, logs.place.map_index = slug, map_index
        result: Result = blocks.new_result("failed")
        try:
            self._channel.send({"event": "block_started", "block": slug, "map_index": map_index})
            run = self._block_run(slug, map_index)
            result = run_with_retries(run)
            self._run_callbacks(run, result)
            for stream in (sys.stdout, sys.stderr):
                if isinstance(stream, logs.Router):
                    stream.finish()
            result = self._report(slug, map_index, result)
        except BaseException as error:  # noqa: BLE001 - the edge of a thread: an error lost here would hang the driver
            result = blocks.failed(error, self._work["bundle_dir"])
        finally:
            self._ended.put((slug, map_index, result))

    def _block_run(self, slug: str, map_index: int | None) -> BlockRun:
        block = self._graph.blocks[slug]
        key = (self._work.get("context") or {}).get("attempt_key")
        suffix = slug if map_index is None else f"{slug}/{map_index}"
        context = {**(self._work.get("context") or {}), "attempt_key": f"{key}/{suffix}" if key else suffix}
        run = BlockRun({**self._work, "context": context}, block)
        run.map_index = map_index
        run.inputs = [_own_copy(entry) for entry in self._graph.inputs(slug, map_index)]
        run.dynamic_input = self._graph.dynamic_input(slug, map_index)
        run.conditionals = block.get("conditionals") or []
        run.subfolder = slug if map_index is None else os.path.join(slug, str(map_index))
        return run

    def _run_callbacks(self, run: BlockRun, result: Result) -> None:
        """Run the block's callbacks, if the executor left them to us; a broken one is logged and changes nothing."""
        callbacks = run.block.get("callbacks") or []
        if not callbacks or result["status"] not in ("succeeded", "failed"):
            return
        from penstock.callbacks import run_callback

        event = "success" if result["status"] == "succeeded" else "failure"
        text = (result["error"] or {}).get("message")
        staging = self._work["staging_dir"]
        outputs = [_with_path(output, staging) for output in result["outputs"]]
        for callback in callbacks:
            job = BlockRun(run.work, callback)
            job.map_index = run.map_index
            job.inputs = [{"block": run.block["slug"], "map_index": run.map_index, "outputs": outputs}]
            ended = run_callback(job, {"event": event, "parent": run.block["slug"], "error": text})
            if ended["error"]:
                logs.write_record("ERROR", f"callback {callback['slug']!r} failed: {ended['error']['message']}")


def run_with_retries(run: BlockRun) -> Result:
    """Run a block, and again after a failure as its `retry` says; the tries before the last one are logged."""
    retry = run.block.get("retry") or {}
    delay = float(retry.get("delay_seconds") or 0)
    for number in range(int(retry.get("retries") or 0) + 1):
        if number:
            time.sleep(wait_before(retry, number, delay))
        result = blocks.run_block(run)
        if result["status"] != "failed" or number == int(retry.get("retries") or 0):
            break
        logs.write_record("WARNING", f"try {number + 1} failed: {result['error']['message']}")
    return result


def wait_before(retry: dict[str, Any], number: int, delay: float) -> float:
    """Seconds to wait before retry `number` (from 1)."""
    if retry.get("exponential_backoff"):
        delay *= 2 ** (number - 1)
    limit = retry.get("max_delay_seconds")
    return delay if limit is None else min(delay, float(limit))


def _with_path(output: dict[str, Any], staging: str) -> dict[str, Any]:
    if output.get("file") is None:
        return output
    return {**output, "path": os.path.join(staging, output["file"])}


def _own_copy(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with its inline values copied: two blocks must not share one mutable value."""
    from copy import deepcopy

    return {**entry, "outputs": [{**output, "inline": deepcopy(output.get("inline"))} for output in entry["outputs"]]}
