"""A language host that runs a program folder in a process of its own, as `pulumi up` does.

The engine starts its Python language host as a plugin; where there is none, `pulumi … --client=127.0.0.1:PORT` attaches
this one. The program gets its config in PULUMI_CONFIG, as from the plugin, and runs by its entry file.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

RUNNER = Path(__file__).with_name("run_program.py")


class ProcessHost(LanguageServer):
    """Runs `folder` for each Run that the engine asks for, and keeps what each process said of itself at its end."""

    def __init__(self, folder: Path, python_path: str) -> None:
        super().__init__(lambda: None)
        self.folder, self.python_path = folder, python_path
        self.reports: list[dict[str, Any]] = []

    def Run(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        environment = {
            **os.environ,
            "PYTHONPATH": self.python_path,
            "PULUMI_CONFIG": json.dumps(dict(request.config)),
            "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
        }
        asked = {
            "project": request.project,
            "stack": request.stack,
            "monitor_address": request.monitor_address,
            "engine_address": request.args[0] if request.args else "",
            "parallel": request.parallel,
            "preview": request.dryRun,
            "organization": request.organization or "organization",
        }
        command = [sys.executable, str(RUNNER), str(self.folder), json.dumps(asked)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=100)
        last = done.stdout.strip().splitlines()[-1:] or ["{}"]
        self.reports.append(json.loads(last[0]))
        if done.returncode != 0:
            return language_pb2.RunResponse(error=self.reports[-1].get("error") or done.stderr[-2000:])
        return language_pb2.RunResponse()


@contextmanager
def served(host: ProcessHost) -> Iterator[int]:
    """Serve a host on loopback and give its port."""
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait()
