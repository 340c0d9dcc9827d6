"""Which engine the infra lane runs, and what it says when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.engine import binary


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\necho v3.251.0\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No engine named, on PATH or in the cache."""
    monkeypatch.delenv(binary.GIVEN, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(binary, "CACHED", tmp_path / "cache" / "pulumi")
    binary.engine_command.cache_clear()
    yield tmp_path
    binary.engine_command.cache_clear()


def test_without_an_engine_the_test_is_skipped_with_the_way_to_get_one(nowhere):
    assert binary.find_engine() is None
    with pytest.raises(pytest.skip.Exception, match=r"run make/pulumi\.sh"):
        binary.engine_command()


def test_the_named_one_goes_before_path_and_path_before_the_cache(nowhere, monkeypatch):
    cached = program(nowhere / "cache" / "pulumi")
    assert binary.find_engine() == cached
    on_path = program(nowhere / "path" / "pulumi")
    assert binary.find_engine() == on_path
    monkeypatch.setenv(binary.GIVEN, str(program(nowhere / "mine")))
    assert binary.find_engine() == nowhere / "mine"


def test_its_version_is_asked_for(nowhere):
    program(nowhere / "cache" / "pulumi")
    assert str(binary.engine_command().version) == "3.251.0"
