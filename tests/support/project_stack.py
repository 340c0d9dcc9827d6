"""The real server over a project folder on disk: what is saved is a file, and what is published comes from it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from penstock_runtime.auth.accounts import COMMAND_LINE, StoredAccounts
from penstock_runtime.bootstrap.components import Components, open_components
from penstock_runtime.bootstrap.opening import upgrade_at_start
from penstock_runtime.bootstrap.web import build_web_parts
from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.runs.services import RunServices
from penstock_runtime.server.main import build_services
from penstock_runtime.server.services import Services
from penstock_runtime.settings import read_settings
from support.api_stack import serving

METADATA = "uuid: {slug}\nname: {slug}\ntype: python\nblocks:\n- uuid: one\n  type: custom\n  language: python\n"
BLOCK = "@custom\ndef one(*args, **kwargs):\n    return kwargs.get('event')\n"


@dataclass
class ProjectStack:
    """A project with the pipelines `shop` and `other`, and a server on it."""

    folder: Path
    components: Components
    services: Services
    url: str = ""
    keys: dict[Role, str] = field(default_factory=dict)

    @property
    def runs(self) -> RunServices:
        return self.services.runs

    @property
    def file(self) -> Path:
        """The triggers.yaml of the pipeline `shop`."""
        return self.folder / "pipelines/shop/triggers.yaml"

    def client(self, role: Role | None = Role.EDITOR, **headers: str) -> httpx.Client:
        """Return a client with an API key of that role, made once, or with nothing."""
        if role is not None:
            if role not in self.keys:
                accounts = self.services.accounts
                assert isinstance(accounts, StoredAccounts)
                self.keys[role] = accounts.create_api_key(COMMAND_LINE, f"test-{role.value}", role)[1]
            headers["Authorization"] = f"Bearer {self.keys[role]}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)

    def edit(self, text: str) -> None:
        """Save triggers.yaml as an editor on the machine would, and let the scan find it."""
        self.file.write_text(text)
        self.components.publish_code("test")

    def stored(self, name: str, pipeline: str = "shop") -> Trigger | None:
        """Return a trigger as the store has it."""
        with self.runs.store.transaction(read_only=True) as tx:
            return next((trigger for trigger in tx.triggers(pipeline) if trigger.name == name), None)


def write_project(folder: Path) -> None:
    """Write the two pipelines, without triggers."""
    for slug in ("shop", "other"):
        place = folder / "pipelines" / slug
        place.mkdir(parents=True)
        (place / "metadata.yaml").write_text(METADATA.format(slug=slug))
    (folder / "custom").mkdir()
    (folder / "custom/one.py").write_text(BLOCK)
    (folder / "metadata.yaml").write_text("project_type: main\n")


@contextmanager
def serving_project(folder: Path, **environ: str) -> Iterator[ProjectStack]:
    """Make the project in `folder/project`, publish it, and serve it on a port."""
    project = folder / "project"
    write_project(project)
    places = {"PENSTOCK_STATE_DIR": str(folder / "state"), "PENSTOCK_DATA_DIR": str(folder / "data")}
    settings = read_settings({**places, **environ}, project_dir=project)
    components = open_components(settings)
    upgrade_at_start(components)
    components.publish_code("test")
    services = build_services(settings, build_web_parts(components))
    made = ProjectStack(project, components, services)
    try:
        with serving(made) as running:  # type: ignore[arg-type]  # of a stack it needs the services alone
            made.url = running.url
            yield made
    finally:
        services.runs.wakeups.close()
        components.store.close()
