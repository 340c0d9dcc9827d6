"""Docs are tests: everything people rely on has a heading, every link leads somewhere, every block says if it runs."""

from __future__ import annotations

import pytest
from typer.main import get_command

from penstock_platform.contract import SETTINGS
from penstock_runtime.cli.main import build_app
from penstock_runtime.domain.blocks import BlockType
from support.documents import AS_FILES, PARSED, RUN, SHOWN_ONLY, blocks, headings, links, pages
from support.golden import leaves
from support.sources import ROOT

DOCS = ROOT / "platform" / "docs"
PORTS = ROOT / "runtime" / "penstock_runtime" / "ports"


def all_headings() -> set[str]:
    return {heading.replace("`", "") for page in DOCS.rglob("*.md") for heading in headings(page)}


def test_every_setting_has_a_heading():
    assert {setting.name for setting in SETTINGS} - all_headings() == set()


def test_every_command_has_a_heading():
    assert {path for path, _ in leaves("penstock", get_command(build_app()))} - all_headings() == set()


def test_every_block_type_has_a_heading():
    assert {kind.value for kind in BlockType} - all_headings() == set()


def test_every_port_has_a_heading():
    ports = {path.stem for path in PORTS.glob("*.py")} - {"__init__"}
    assert ports - all_headings() == set()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_block_runs_or_says_why_not(page):
    known = SHOWN_ONLY | PARSED | RUN | AS_FILES
    unmarked = [block.where for block in blocks(page) if block.language not in known]
    unexplained = [block.where for block in blocks(page) if block.reason is not None and len(block.reason) < 8]
    stray = [b.where for b in blocks(page) if b.note and b.reason is None and b.file is None]
    files = [b.where for b in blocks(page) if b.language in AS_FILES and b.reason is None and b.file is None]
    assert (unmarked, unexplained, stray, files) == ([], [], [], [])


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(page):
    assert [target for target in links(page) if not (page.parent / target).exists()] == []


def test_every_decision_names_what_was_rejected():
    records = sorted((DOCS / "adr").glob("[0-9]*.md"))
    assert records
    assert [path.name for path in records if "## Rejected" not in path.read_text(encoding="utf-8")] == []


def test_decisions_are_numbered_without_gaps():
    numbers = [int(path.name[:4]) for path in sorted((DOCS / "adr").glob("[0-9]*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
