"""Where the number of a service's processes is asked for: a socket of this user alone, one JSON line each way.

    {"service": "scheduler", "count": 3}  →  {"service": "scheduler", "count": 2, "wanted": 3, "min": 2, "max": 6}

`count` of the answer is how many there are now, without those that are draining; `wanted` what will be. A request
without `count` only asks. What cannot be understood is answered with `{"error": …}`.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from penstock_runtime.domain.errors import InvalidInput, PenstockError

LONGEST_REQUEST = 4096
PATIENCE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Scale:
    """How many processes a service has, and how many it is to have."""

    service: str
    count: int
    wanted: int
    min: int
    max: int


class ControlSocket:
    """Answers until closed."""

    def __init__(self, path: Path, scale: Callable[[str, int | None], Scale]) -> None:
        """Nothing listens before `open`. `scale` raises PenstockError for a service that there is not."""
        self._path, self._scale = path, scale
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; a socket that a killed supervisor left is replaced."""
        self._path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LONGEST_REQUEST)
        os.chmod(self._path, 0o600)  # noqa: PTH101 - a socket, not a file

    async def close(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.close()
        self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                line = await _line(reader)
                while line:
                    writer.write(json.dumps(self.answer(line)).encode() + b"\n")
                    await writer.drain()
                    line = await _line(reader)
        writer.close()

    def answer(self, line: bytes) -> dict[str, Any]:
        """Return the answer to one request."""
        try:
            service, count = _read(line)
            return asdict(self._scale(service, count))
        except PenstockError as error:
            return {"error": str(error)}


async def _line(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.readline()
    except ValueError:
        return b""  # longer than any request


def _read(line: bytes) -> tuple[str, int | None]:
    try:
        found = json.loads(line)
    except ValueError:
        raise InvalidInput("a request is one line of JSON") from None
    if not isinstance(found, dict) or not isinstance(found.get("service"), str):
        raise InvalidInput('a request names its service: {"service": "scheduler"}')
    count = found.get("count")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int)):
        raise InvalidInput("count must be a whole number")
    return found["service"], count
