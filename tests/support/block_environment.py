"""A Python environment as blocks have it: table libraries, drivers and cloudpickle, apart from ours.

It is made once with uv and kept in the user's cache under a hash of what is in it, so that test runs, lanes and
working copies share it. Use the fixture `block_python` by naming this module in `pytest_plugins`, or importing it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REQUIREMENTS = ("cloudpickle", "duckdb", "numpy", "pandas", "polars", "psycopg[binary]", "pyarrow", "pyyaml")


def environment_folder() -> Path:
    """Where the environment of these requirements and this Python lives."""
    key = "\n".join([sys.version, *REQUIREMENTS])
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "penstock" / "test-environments" / hashlib.sha256(key.encode()).hexdigest()[:16]


def build_block_python() -> Path:
    """The environment's Python, made if need be; a half-made environment is never seen under its final name."""
    folder = environment_folder()
    python = folder / "bin" / "python"
    if python.exists():
        return python
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    temporary = folder.with_name(f"{folder.name}.{os.getpid()}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(temporary)], check=True)
        target = str(temporary / "bin" / "python")
        subprocess.run([uv, "pip", "install", "--quiet", "--python", target, *REQUIREMENTS], check=True)
        try:
            temporary.rename(folder)
        except OSError:
            if not python.exists():
                raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return python


@pytest.fixture(scope="session")
def block_python() -> Path:
    """Path of a Python that has what blocks commonly need."""
    return build_block_python()
