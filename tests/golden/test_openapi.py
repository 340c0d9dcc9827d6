"""The API's description is what the code would write; mend it with `make golden`."""

from __future__ import annotations

import json
import subprocess
import sys

from support.sources import ROOT

GOLDEN = ROOT / "tests" / "golden" / "openapi.json"


def test_the_checked_in_description_is_what_the_command_prints():
    command = [sys.executable, "-m", "penstock_runtime.server.openapi"]
    path = f"{ROOT / 'runtime'}:{ROOT / 'platform'}"
    printed = subprocess.run(command, check=True, capture_output=True, text=True, env={"PYTHONPATH": path}).stdout
    assert GOLDEN.read_text(encoding="utf-8") == printed, "tests/golden/openapi.json is stale"


def operations():
    document = json.loads(GOLDEN.read_text(encoding="utf-8"))
    return [(path, method, found) for path, item in document["paths"].items() for method, found in item.items()]


def test_every_error_is_a_problem_and_every_operation_says_who_may():
    for path, method, operation in operations():
        assert "security" in operation, f"{method} {path}"
        assert not [key for key in operation if key.startswith("x-") and key != "x-penstock-role"]
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert list(answer["content"]) == ["application/problem+json"], f"{method} {path} {status}"
        if operation["security"]:
            assert {"401", "403"} <= operation["responses"].keys()
