"""Small projects made in a test, whose blocks tell of each start and finish themselves.

The blocks write to files outside the project, each line by one append (`O_APPEND`), so that what they say survives any
kill of any process; `support.witness` reads and judges it.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FOLDERS = {
    "data_loader": "data_loaders",
    "transformer": "transformers",
    "data_exporter": "data_exporters",
    "sensor": "sensors",
    "custom": "custom",
    "conditional": "conditionals",
    "callback": "callbacks",
}
DECORATORS = {"conditional": "condition"}

WITNESS = '''
"""What the blocks of this project say of themselves, and how they wait for the test."""
import json, os, time

FOLDER = {folder!r}


def note(event, kwargs, **more):
    line = {{
        "event": event,
        "at": time.time(),
        "run": kwargs.get("pipeline_run_id"),
        "block": kwargs.get("block_uuid"),
        "map_index": kwargs.get("dynamic_block_index"),
        "attempt": os.environ.get("PENSTOCK_ATTEMPT_ID"),
        "key": kwargs.get("attempt_key"),
        "pid": os.getpid(),
        **more,
    }}
    descriptor = os.open(os.path.join(FOLDER, "history.jsonl"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(descriptor, (json.dumps(line) + "\\n").encode())
    os.close(descriptor)


def told(name):
    return os.path.exists(os.path.join(FOLDER, name))


def tell(name, text=""):
    path = os.path.join(FOLDER, name)
    with open(path + ".part", "w") as file:
        file.write(str(text))
    os.rename(path + ".part", path)


def wait_for(name, seconds=60.0):
    give_up = time.monotonic() + seconds
    while not told(name):
        if time.monotonic() > give_up:
            raise TimeoutError("the test never said " + name)
        time.sleep(0.005)
'''

BLOCK = """
import os, sys, time, signal
from {project}.witness import note, tell, told, wait_for


@{decorator}
def step(*args, **kwargs):
    value = None
    note('start', kwargs)
{body}
    note('finish', kwargs)
    return value
"""


@dataclass
class PipelineMaker:
    """One pipeline of a project being made. Keys are the project format's own."""

    project: ProjectMaker
    slug: str
    keys: dict[str, Any] = field(default_factory=dict)
    blocks: dict[str, dict[str, Any]] = field(default_factory=dict)

    def block(
        self, name: str, body: str = "", upstream: Sequence[str] = (), *, type: str = "custom", **keys: Any
    ) -> PipelineMaker:
        """Add a block whose function runs `body`; what it leaves in `value` is its output."""
        slug = f"{self.slug}_{name}"
        above = [f"{self.slug}_{one}" for one in upstream]
        self.project.write_block(slug, body, type)
        self.blocks[slug] = {"uuid": slug, "type": type, "language": "python", "upstream_blocks": above, **keys}
        return self

    def chain(self, names: Sequence[str], body: str = "value = kwargs['block_uuid']") -> PipelineMaker:
        """Add blocks one after the other."""
        for before, name in zip([None, *names], names, strict=False):
            self.block(name, body, [before] if before else [])
        return self

    def write(self) -> PipelineMaker:
        """Write metadata.yaml. JSON is YAML, and needs no quoting rules."""
        folder = self.project.folder / "pipelines" / self.slug
        folder.mkdir(parents=True, exist_ok=True)
        sections: dict[str, list[dict[str, Any]]] = {"blocks": [], "callbacks": [], "conditionals": []}
        for block in self.blocks.values():
            sections[{"callback": "callbacks", "conditional": "conditionals"}.get(block["type"], "blocks")].append(
                block
            )
        for block in sections["blocks"]:
            block["downstream_blocks"] = [
                one["uuid"] for one in sections["blocks"] if block["uuid"] in one["upstream_blocks"]
            ]
        document = {"uuid": self.slug, "name": self.slug, "type": "python", **sections, **self.keys}
        (folder / "metadata.yaml").write_text(json.dumps(document, indent=1))
        return self

    def triggers(self, *triggers: Mapping[str, Any]) -> PipelineMaker:
        """Write triggers.yaml."""
        (self.project.folder / "pipelines" / self.slug / "triggers.yaml").write_text(
            json.dumps({"triggers": list(triggers)}, indent=1)
        )
        return self

    def upstream(self) -> dict[str, list[str]]:
        """Return the slugs above each block of the graph."""
        return {
            slug: list(block["upstream_blocks"])
            for slug, block in self.blocks.items()
            if block["type"] not in {"callback", "conditional"}
        }


class ProjectMaker:
    """A project folder with nothing but what the test puts there. `witness` is where its blocks leave word."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "project"
        self.witness = home / "witness"
        self.pipelines: dict[str, PipelineMaker] = {}
        for folder in (self.folder / "pipelines", self.witness):
            folder.mkdir(parents=True)
        self.witness.chmod(0o777)
        (self.folder / "metadata.yaml").write_text("project_type: standalone\n")
        (self.folder / "io_config.yaml").write_text("version: 0.1.1\ndefault: {}\n")
        (self.folder / "witness.py").write_text(WITNESS.format(folder=str(self.witness)))

    def pipeline(self, slug: str, **keys: Any) -> PipelineMaker:
        """Begin a pipeline; `write` ends it."""
        self.pipelines[slug] = PipelineMaker(self, slug, keys)
        return self.pipelines[slug]

    def write_block(self, slug: str, body: str, type: str = "custom") -> Path:
        """Write, or write anew, the file of one block."""
        text = textwrap.indent(textwrap.dedent(body).strip() or "pass", "    ")
        path = self.folder / FOLDERS[type] / f"{slug}.py"
        path.parent.mkdir(exist_ok=True)
        decorator = DECORATORS.get(type, type)
        text = BLOCK.format(decorator=decorator, body=text, project=self.folder.name)
        part = path.with_suffix(".part")
        part.write_text(text)
        part.rename(path)
        return path
