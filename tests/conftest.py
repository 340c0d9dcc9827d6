"""What every test shares: the lanes and their summary, closed sockets for unit tests, databases."""

from __future__ import annotations

pytest_plugins = ["support.lanes", "support.sockets", "support.databases"]
