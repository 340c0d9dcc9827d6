"""Processes on this machine, kept by `penstock up`: asked over its private socket.

One JSON line each way: `{"service": "scheduler"}` asks for the number, `{"service": "scheduler", "count": 3}` sets it,
and both are answered by `{"count": 3}`. Anything else is a refusal, whose text is in `error` where there is one.
"""

from __future__ import annotations

import json
import socket
from typing import Any

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.ports.scaler import Scaler, ScalerUnavailable

PATIENCE_SECONDS = 5.0
LONGEST_ANSWER = 64 * 1024


class LocalProcessScaler:
    """See ports.scaler. One connection for each question, so that nothing is kept when `penstock up` starts anew."""

    def __init__(self, path: str) -> None:
        """Ask at the Unix socket of this path."""
        self._path = path

    def current(self, service: str) -> int:
        """See the port."""
        return self._ask({"service": service})

    def set(self, service: str, count: int) -> None:
        """See the port."""
        if count < 0:
            raise InvalidInput(f"{count} copies cannot be asked for", "count")
        got = self._ask({"service": service, "count": count})
        if got != count:
            raise ScalerUnavailable(f"asked for {count} of {service}, and the answer was {got}")

    def _ask(self, question: dict[str, Any]) -> int:
        try:
            answer = self._converse(json.dumps(question).encode() + b"\n")
        except OSError as error:
            raise ScalerUnavailable(f"penstock up does not answer at {self._path}: {error}") from error
        try:
            found = json.loads(answer)
        except ValueError as error:
            raise ScalerUnavailable(f"penstock up gave no answer to {question['service']}") from error
        count = found.get("count") if isinstance(found, dict) else None
        if not isinstance(count, int) or isinstance(count, bool):
            said = found.get("error") if isinstance(found, dict) else None
            raise ScalerUnavailable(f"penstock up refused {question['service']}: {said or found}")
        return count

    def _converse(self, line: bytes) -> bytes:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE_SECONDS)
            connection.connect(self._path)
            connection.sendall(line)
            got = bytearray()
            while not got.endswith(b"\n") and len(got) < LONGEST_ANSWER:
                part = connection.recv(4096)
                if not part:
                    break
                got += part
        return bytes(got)


def _fulfils_the_port(scaler: LocalProcessScaler) -> Scaler:
    """Let the type checker compare the two."""
    return scaler
