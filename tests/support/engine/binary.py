"""Finds the Pulumi engine for the infra lane, as make/pulumi.sh left it; builds nothing."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pulumi import automation
from semver import VersionInfo

from support.engine.tokens import ROOT

GIVEN = "PENSTOCK_TEST_PULUMI"
CACHED = ROOT / ".cache" / "pulumi" / "bin" / "pulumi"
QUIET = {"PULUMI_SKIP_UPDATE_CHECK": "true", "PULUMI_HOME": str(ROOT / ".cache" / "pulumi" / "home")}
HOW = f"no Pulumi engine: run make/pulumi.sh (it fetches or builds one), put `pulumi` on PATH, or name it in {GIVEN}"


def find_engine() -> Path | None:
    """Return the engine: the one named, on PATH, or cached; None when there is none."""
    given = os.environ.get(GIVEN)
    if given:
        return Path(given)
    found = shutil.which("pulumi")
    if found:
        return Path(found)
    return CACHED if os.access(CACHED, os.X_OK) else None


class EngineAt(automation.PulumiCommand):
    """The Automation API's command at a path of any form (its own constructor wants <root>/bin/pulumi)."""

    def __init__(self, path: Path) -> None:
        said = subprocess.run(
            [path, "version"], env={**os.environ, **QUIET}, capture_output=True, text=True, check=True, timeout=60
        )
        self.command = str(path)
        self.version = VersionInfo.parse(said.stdout.strip().removeprefix("v"))


@functools.cache
def engine_command() -> automation.PulumiCommand:
    """Return the engine as the Automation API wants it; skips the test, saying how to get one, when there is none."""
    path = find_engine()
    if path is None:
        pytest.skip(HOW)
    return EngineAt(path)
