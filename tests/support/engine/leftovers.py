"""Sweeps up what the Automation API leaves when an inline program is cut short.

When the engine refuses an input it closes its monitor under the running program, and may be gone before the program's
thread has noticed. The SDK then gives up where it stands, its event loop open and its coroutines unfinished, for the
garbage collector to complain about in whatever test runs by then. Here they are waited for, closed and collected.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
import types
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

RUNNERS = frozenset({"run_pulumi_func", "run_in_stack"})
SERVER_LOG = logging.getLogger("grpc._server")
PATIENCE = 10.0  # seconds; the program's thread needs milliseconds


class ProgramRun:
    """One run of a program in the Automation API's thread. A context around the operation that runs it.

        with ProgramRun(program) as run:
            ...  # the engine calls run()

    When the context ends with an error, nothing of the run is left.
    """

    def __init__(self, program: Callable[[], Any]) -> None:
        self.program = program
        self._loop: asyncio.AbstractEventLoop | None = None
        self._broke = threading.Event()

    def __call__(self) -> Any:
        self._loop = asyncio.get_running_loop()
        return self.program()

    def __enter__(self) -> Self:
        SERVER_LOG.addFilter(self.flatten)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is not None:
                self.end()
        finally:
            SERVER_LOG.removeFilter(self.flatten)

    def flatten(self, record: logging.LogRecord) -> bool:
        """Note that a run broke, and keep the text of its error alone: its traceback would keep the loop alive."""
        record.msg, record.args, record.exc_info = record.getMessage(), (), None
        self._broke.set()
        return True

    def end(self) -> None:
        """Wait for the thread to be through with the loop, close it, and collect the coroutines that ran on it."""
        if self._loop is None:
            return
        deadline = time.monotonic() + PATIENCE
        while not (self._loop.is_closed() or self._broke.is_set()) and time.monotonic() < deadline:
            time.sleep(0.005)
        if not self._loop.is_running():
            self._loop.close()
        self._loop = None
        collect()


def collect() -> None:
    """Collect garbage without a word about the SDK's unfinished coroutines."""
    told = sys.unraisablehook

    def hook(complaint: Any) -> None:
        if not is_leftover(complaint):
            told(complaint)

    sys.unraisablehook = hook
    try:
        gc.collect()
    finally:
        sys.unraisablehook = told


def is_leftover(complaint: Any) -> bool:
    return isinstance(complaint.object, types.CoroutineType) and complaint.object.__name__ in RUNNERS
