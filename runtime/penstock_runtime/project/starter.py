"""New projects: the small starter of `penstock init`, and a copy of the demo."""

from __future__ import annotations

import shutil
from pathlib import Path

from penstock_runtime.domain.errors import Conflict, NotFound

_METADATA = """\
project_type: standalone

# Blocks are tried again after an error; a pipeline or a block may say otherwise.
retry_config:
  retries: 1
  delay: 5
  max_delay: 60
  exponential_backoff: true
"""
_IO_CONFIG = """\
version: 0.1.1

# A profile is a named set of connections. Keep passwords out of this file:
#   POSTGRES_PASSWORD: "{{ penstock_secret('warehouse_password') }}"
default:
  DUCKDB_DATABASE: ':memory:'
  DUCKDB_SCHEMA: main
"""
_PIPELINE = """\
uuid: first_pipeline
name: First pipeline
description: Three blocks to start from - load, transform, export.
type: python

variables:
  greeting: Hello

blocks:
  - uuid: load_names
    name: load_names
    type: data_loader
    language: python
    upstream_blocks: []
    downstream_blocks: [greet]

  - uuid: greet
    name: greet
    type: transformer
    language: python
    upstream_blocks: [load_names]
    downstream_blocks: [print_greetings]

  - uuid: print_greetings
    name: print_greetings
    type: data_exporter
    language: python
    upstream_blocks: [greet]
    downstream_blocks: []
"""
_TRIGGERS = """\
triggers:
  # Switch it on with `status: active`.
  - name: every_morning
    schedule_type: time
    schedule_interval: 0 6 * * *
    start_time: 2025-01-01 00:00:00
    status: inactive
    variables: {}
"""
_LOADER = """\
if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader
if 'test' not in globals():
    from mage_ai.data_preparation.decorators import test


@data_loader
def load_names(*args, **kwargs):
    return ['Ada', 'Grace', 'Katherine']


@test
def test_there_are_names(names, *args) -> None:
    assert names, 'no names were loaded'
"""
_TRANSFORMER = """\
if 'transformer' not in globals():
    from mage_ai.data_preparation.decorators import transformer


@transformer
def greet(names, *args, **kwargs):
    # Variables of the pipeline, the trigger and the run arrive as keyword arguments.
    return [f"{kwargs['greeting']}, {name}!" for name in names]
"""
_EXPORTER = """\
if 'data_exporter' not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def print_greetings(greetings, *args, **kwargs):
    for greeting in greetings:
        print(greeting)
"""
STARTER = {
    ".gitignore": ".penstock/\n__pycache__/\noutput/\n",
    "metadata.yaml": _METADATA,
    "io_config.yaml": _IO_CONFIG,
    "requirements.txt": "# Packages that your blocks import, one a line.\n",
    "pipelines/first_pipeline/metadata.yaml": _PIPELINE,
    "pipelines/first_pipeline/triggers.yaml": _TRIGGERS,
    "data_loaders/load_names.py": _LOADER,
    "transformers/greet.py": _TRANSFORMER,
    "data_exporters/print_greetings.py": _EXPORTER,
}
"""The starter project: text by path."""

_NOT_COPIED = shutil.ignore_patterns("__pycache__", ".penstock", "output")


def create_project(folder: Path) -> list[Path]:
    """Write the starter into a folder that is missing or empty; return the files. Conflict when it holds anything."""
    _refuse_used(folder)
    written: list[Path] = []
    for name, text in STARTER.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def copy_demo(folder: Path) -> list[Path]:
    """Copy the demo project into a folder that is missing or empty; return the files. Conflict; NotFound."""
    source = demo_dir()
    _refuse_used(folder)
    shutil.copytree(source, folder, ignore=_NOT_COPIED, dirs_exist_ok=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def demo_dir() -> Path:
    """Return where the demo is kept: inside an installed package, or beside it in a checkout of the sources."""
    package = Path(__file__).resolve().parent.parent
    for candidate in (package / "demo", package.parent / "demo"):
        if (candidate / "metadata.yaml").is_file():
            return candidate
    raise NotFound("this installation carries no demo project")


def _refuse_used(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Conflict(f"{folder} is not empty: name a new folder")
