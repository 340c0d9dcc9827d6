"""User environments are made once, by content, apart from ours. A build here has local wheels and no network."""

from __future__ import annotations

import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from penstock_runtime.environments import EnvironmentBuilder, requirements
from penstock_runtime.ports.environments import EnvironmentBuildFailed


def wheel(folder: Path, name: str, version: str = "1.0") -> None:
    """Make a wheel with one module that says its version."""
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder of wheels that is all there is to install from, with a small base set in it."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setattr(requirements, "BASE", ("basething",))
    for name in ("basething", "sample", "extrathing"):
        wheel(folder, name)
    return folder


def builder_of(tmp_path: Path) -> EnvironmentBuilder:
    """Return a builder that installs from the folder of wheels alone."""
    environ = {"UV_FIND_LINKS": str(tmp_path / "wheels"), "UV_OFFLINE": "1", "UV_NO_CACHE": "1"}
    return EnvironmentBuilder(tmp_path / "state", environ=environ)


def imported(python: str, name: str) -> bool:
    return subprocess.run([python, "-I", "-c", f"import {name}"], capture_output=True, check=False).returncode == 0


def test_an_environment_holds_the_projects_and_the_base_set(tmp_path: Path, wheels: Path) -> None:
    said: list[str] = []
    ref = builder_of(tmp_path).ensure("sample==1.0  # why\n", ["extrathing"], said.append)
    assert ref.python.startswith(str(tmp_path / "state" / "environments" / ref.key))
    assert all(imported(ref.python, name) for name in ("sample", "basething", "extrathing"))
    assert not imported(ref.python, "pytest")
    assert any("ready" in line for line in said)
    assert [path.name for path in Path(ref.sdk_path).iterdir()] == ["penstock"]


def test_one_that_is_there_needs_neither_network_nor_uv(
    tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = builder_of(tmp_path).ensure("sample")

    def no_uv() -> str:
        raise AssertionError("uv was asked for")

    monkeypatch.setattr("penstock_runtime.environments.builder.find_uv", no_uv)
    assert builder_of(tmp_path).ensure("\n# comment\nsample\n\n") == first


def test_the_order_of_lines_is_nothing_and_a_version_is_another_environment() -> None:
    read = requirements.read_requirements
    assert read("b\na").key("x") == read("a\nb\na").key("x")
    assert read("a==1").key("x") != read("a==2").key("x")
    assert read("a").key("3.11") != read("a").key("3.12")
    assert read("a", ["duckdb"]).key("x") != read("a").key("x")


@pytest.mark.parametrize("line", ["mage-ai", "mage_ai[all]==0.9.70", "Mage.AI >= 0.9  # engine"])
def test_mage_is_left_out_and_said(line: str) -> None:
    read = requirements.read_requirements(f"{line}\nsample")
    assert "sample" in read.lines
    assert not any("mage" in kept.lower() for kept in read.lines)
    assert len(read.dropped) == 1


def test_names_that_only_look_like_mage_stay() -> None:
    assert "mage-ai-tools" in requirements.read_requirements("mage-ai-tools").lines


@pytest.mark.parametrize("line", ["-r other.txt", "-e .", "--constraint c.txt"])
def test_lines_that_name_other_files_are_refused(line: str) -> None:
    with pytest.raises(EnvironmentBuildFailed, match="names another file"):
        requirements.read_requirements(line)


def test_a_package_that_is_not_to_be_had_is_named_and_nothing_is_left(tmp_path: Path, wheels: Path) -> None:
    builder = builder_of(tmp_path)
    with pytest.raises(EnvironmentBuildFailed, match="nosuchthing"):
        builder.ensure("nosuchthing")
    left = [path.name for path in (tmp_path / "state" / "environments").iterdir() if path.suffix != ".lock"]
    assert left == []
    wheel(wheels, "nosuchthing")
    assert imported(builder.ensure("nosuchthing").python, "nosuchthing")


def test_an_interpreter_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentBuildFailed, match="/nowhere/python"):
        EnvironmentBuilder(tmp_path, python="/nowhere/python").ensure("")


def test_two_that_ask_at_once_build_once(tmp_path: Path, wheels: Path) -> None:
    said: list[str] = []
    refs: list[str] = []

    def ask() -> None:
        refs.append(builder_of(tmp_path).ensure("sample", progress=said.append).key)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(refs)) == 1
    assert sum(line.startswith("making an environment") for line in said) == 1


def test_what_a_dead_build_left_is_no_environment(tmp_path: Path, wheels: Path) -> None:
    builder = builder_of(tmp_path)
    key = builder.ensure("sample").key
    home = tmp_path / "state" / "environments" / key
    home.rename(home.with_name(f"{key}.building"))
    (home.with_name(f"{key}.building") / "bin" / "python").unlink()
    assert imported(builder.ensure("sample").python, "sample")


def test_a_build_sees_what_it_is_given_and_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_ENCRYPTION_KEY", "k")
    teller = tmp_path / "python"
    teller.write_text("#!/bin/sh\nexec /usr/bin/env\n")
    teller.chmod(0o700)
    said: list[str] = []
    builder = EnvironmentBuilder(tmp_path, str(teller), {"UV_INDEX_URL": "x"})
    builder._run([str(teller)], said.append)
    seen = {line.partition("=")[0] for line in said} - {"PWD", "OLDPWD", "SHLVL", "_"}  # the shell's own
    assert seen == {"UV_INDEX_URL", "UV_PYTHON_DOWNLOADS"}


def test_without_requirements_of_its_own_a_project_can_use_our_interpreter(tmp_path: Path) -> None:
    ref = EnvironmentBuilder(tmp_path).own()
    assert ref.python == sys.executable
