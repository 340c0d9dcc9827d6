"""Whether this container's process is well, as exit code 0 or 1: asks the web server, or a lone scheduler's probes."""

# ruff: noqa: INP001 - a script of the image, in no package

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Mapping

PATIENCE_SECONDS = 4.0
EVERY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is asked, not what is bound
OK = 200


def address(environ: Mapping[str, str]) -> tuple[str, int]:
    """Return the host and port that answer for the role of this container."""
    lone_scheduler = environ.get("INSTANCE_TYPE") == "scheduler"
    port = environ.get("PENSTOCK_HEALTH_PORT", "6790") if lone_scheduler else environ.get("PENSTOCK_PORT", "6789")
    host = environ.get("PENSTOCK_HOST", "")
    return EVERY_ADDRESS.get(host, host), int(port)


def main() -> int:
    """Ask once."""
    host, port = address(os.environ)
    connection = http.client.HTTPConnection(host, port, timeout=PATIENCE_SECONDS)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace").strip()
    except OSError as error:
        print(f"{host}:{port}: {error}")  # noqa: T201 - the engine keeps it beside the state
        return 1
    finally:
        connection.close()
    print(f"{answer.status} {said}")  # noqa: T201 - the same
    return 0 if answer.status == OK else 1


if __name__ == "__main__":
    sys.exit(main())
