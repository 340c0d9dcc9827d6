"""What every test shares: the lanes and their summary, closed sockets for unit tests, database fixtures."""

from __future__ import annotations

from pathlib import Path

pytest_plugins = ["support.lanes", "support.sockets"]

if (Path(__file__).parent / "support" / "databases.py").exists():
    pytest_plugins.append("support.databases")
