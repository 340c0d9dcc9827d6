"""Markdown pages as tests see them: headings, links and fenced blocks with what their fence says about running.

A fence is ```` ```language ````, then nothing (the block runs, or is read by its language's parser), `no-run: why` (it
is shown only) or `file: path` (it is written to that path of the page's own folder, and then read by its parser).
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from support.sources import ROOT

SHOWN_ONLY = frozenset({"text", "mermaid", "markdown"})
PARSED = frozenset({"json", "yaml"})
RUN = frozenset({"bash", "python"})
AS_FILES = frozenset({"sql", "dockerfile", "toml"})
SECONDS = 90


@dataclass(frozen=True)
class Block:
    """One fenced block. `note` is what follows the language on the fence."""

    page: str
    line: int
    language: str
    note: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def reason(self) -> str | None:
        """Why it is not run, or None when it is."""
        return self.note.removeprefix("no-run:").strip() if self.note.startswith("no-run:") else None

    @property
    def file(self) -> str | None:
        return self.note.removeprefix("file:").strip() if self.note.startswith("file:") else None


@cache
def pages() -> tuple[Path, ...]:
    """Return every page of ours: those at the root and the docs, without what towncrier makes."""
    roots = [path for path in sorted(ROOT.glob("*.md")) if path.name != "CHANGELOG.md"]
    return (*roots, *sorted((ROOT / "platform" / "docs").rglob("*.md")))


def headings(path: Path) -> list[str]:
    """Return the headings of a page without their marks."""
    return re.findall(r"^#{1,6} +(.+?) *$", without_blocks(path.read_text(encoding="utf-8")), flags=re.MULTILINE)


def without_blocks(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def blocks(path: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order."""
    text = path.read_text(encoding="utf-8")
    page = path.relative_to(ROOT).as_posix()
    for found in re.finditer(r"^```([a-z]*)[ ]*(.*?)$\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL):
        line = text.count("\n", 0, found.start()) + 1
        yield Block(page, line, found[1], found[2].strip(), found[3])


def links(path: Path) -> list[str]:
    """Return the relative targets of a page's links, without their anchors."""
    found = re.findall(r"\]\(([^)\s]+)\)", without_blocks(path.read_text(encoding="utf-8")))
    return [target.partition("#")[0] for target in found if not re.match(r"[a-z]+:|#", target)]


def try_block(block: Block, folder: Path) -> None:
    """Run, read or write one block in the page's folder. Raises AssertionError or the parser's own error."""
    if block.language in SHOWN_ONLY or block.reason is not None:
        return
    if block.file is not None:
        target = folder / block.file
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(block.text, encoding="utf-8")
        if block.language == "python":
            ast.parse(block.text)
    if block.language == "json":
        json.loads(block.text)
    elif block.language == "yaml":
        list(yaml.safe_load_all(block.text))
    elif block.language in RUN and block.file is None:
        run_block(block, folder)


def run_block(block: Block, folder: Path) -> None:
    """Run a bash or python block in the folder, with our commands first on PATH and a state folder of its own."""
    command = (
        ["bash", "-euo", "pipefail", "-c", block.text]
        if block.language == "bash"
        else [sys.executable, "-c", block.text]
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    env["PENSTOCK_STATE_DIR"] = str(folder / ".state")
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=SECONDS)
    assert done.returncode == 0, f"{block.where} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
