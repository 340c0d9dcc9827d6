"""Derives schemas in a process of their own: importing an SDK beside a program that imports it too breaks both.

The process is started for the first token that is not in the cache, and answers one token a line.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading

from support.engine.tokens import ROOT, UnknownToken


class Deriver:
    """The process; one for each test process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def derive(self, token: str) -> None:
        """Put the schema of a token into the cache; UnknownToken, or RuntimeError with what went wrong."""
        with self._lock:
            process = self._process = self._process or self._start()
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{token}\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline() or '{"failed": "the deriving process ended"}')
        if "unknown" in answer:
            raise UnknownToken(answer["unknown"])
        if "failed" in answer:
            raise RuntimeError(f"no schema of {token}: {answer['failed']}")

    def _start(self) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "tests")}
        command = [sys.executable, "-m", "support.engine.schemas"]
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self.close)
        return process

    def close(self) -> None:
        """End the process, which ends with its input."""
        if self._process is not None:
            self._process.communicate()
            self._process = None
