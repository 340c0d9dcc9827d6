"""Runs a Pulumi program by its entry file; the last line it prints says what the process loaded and used."""

from __future__ import annotations

import asyncio
import json
import resource
import runpy
import sys
import time

import pulumi
from pulumi.runtime import reset_options, run_in_stack

BEGAN = time.monotonic()


def main(folder: str, asked: dict[str, object]) -> int:
    reset_options(**asked)
    error = ""
    try:
        asyncio.run(run_in_stack(lambda: runpy.run_path(folder, run_name="__main__")))
    except pulumi.RunError as problem:
        error = str(problem)
    used = {
        "error": error,
        "sdks": sorted({name.split(".")[0] for name in sys.modules if name.startswith("pulumi_")}),
        "seconds": time.monotonic() - BEGAN,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    print(json.dumps(used))
    return 1 if error else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], json.loads(sys.argv[2])))
