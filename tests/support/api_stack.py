"""A whole server for tests: the real app on a real port, over SQLite, with plans and files held in memory."""

from __future__ import annotations

import hashlib
import os
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from argon2 import PasswordHasher

from penstock_runtime.auth.accounts import COMMAND_LINE, StoredAccounts
from penstock_runtime.auth.authentication import OpenAuthentication, StoredAuthentication
from penstock_runtime.auth.passwords import Passwords
from penstock_runtime.domain.blocks import BlockSpec, BlockType, PipelinePlan
from penstock_runtime.domain.errors import BlockNotFound, Conflict, PipelineNotFound
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import Run
from penstock_runtime.persistence.account_store import SqlAccountStore
from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from penstock_runtime.persistence.migrate import upgrade
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.run_store import RunStore, Trigger
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.runs.create import CreateRun, create_run
from penstock_runtime.runs.services import RunServices
from penstock_runtime.secret_stores.database import DatabaseSecretStore, new_encryption_key
from penstock_runtime.server.app import create_app
from penstock_runtime.server.serve import ServeOptions, WebServer
from penstock_runtime.server.services import ServerSettings, Services, SourceChanged, SourceText
from penstock_runtime.storage.memory_artifacts import InMemoryArtifactStore
from penstock_runtime.storage.memory_logs import InMemoryLogStore
from support.clocks import FakeClock

BUNDLE = "b" * 64
PASSWORD = "correct horse battery"


class PipeWakeups:
    """Wake-ups of one test: what `deliver` is given comes out of `drain`; what is published is kept."""

    def __init__(self) -> None:
        self.published: list[Wakeup] = []
        self._waiting: deque[Wakeup] = deque()
        self._read, self._write = os.pipe()
        os.set_blocking(self._read, False)

    def publish(self, *wakeups: Wakeup) -> None:
        self.published.extend(wakeups)

    def deliver(self, *wakeups: Wakeup) -> None:
        self._waiting.extend(wakeups)
        os.write(self._write, b"x")

    def fileno(self) -> int:
        return self._read

    def drain(self) -> Sequence[Wakeup]:
        os.read(self._read, 4096)
        found = []
        while self._waiting:
            found.append(self._waiting.popleft())
        return found

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


def block(slug: str, *upstream: str, **more: Any) -> BlockSpec:
    return BlockSpec(slug, BlockType.TRANSFORMER, path=f"transformers/{slug}.py", upstream=upstream, **more)


def plan(slug: str, *blocks: BlockSpec, **more: Any) -> PipelinePlan:
    downstream = {b.slug: tuple(d.slug for d in blocks if b.slug in d.upstream) for b in blocks}
    return PipelinePlan(slug, BUNDLE, tuple(replace(b, downstream=downstream[b.slug]) for b in blocks), **more)


PLANS = (
    plan("broken", block("only"), problems=("pipelines/broken/metadata.yaml:3: block `x` does not exist",)),
    plan(
        "flights",
        block("load", dynamic=True),
        block("nested/clean", "load"),
        block("export", "nested/clean", callbacks=("tell",), conditionals=("weekday",)),
        callbacks={"tell": BlockSpec("tell", BlockType.CALLBACK)},
        conditionals={"weekday": BlockSpec("weekday", BlockType.CONDITIONAL)},
        variables={"year": 2013},
        tags=("demo",),
    ),
    plan("hourly", block("one")),
)


class MemoryPlans:
    def __init__(self) -> None:
        self.plans = {p.slug: p for p in PLANS}

    def plan(self, bundle: str, pipeline: str) -> PipelinePlan:
        if pipeline not in self.plans:
            raise PipelineNotFound(f"there is no pipeline {pipeline!r}")
        return self.plans[pipeline]

    def pipelines(self, bundle: str) -> Sequence[str]:
        return sorted(self.plans)


class MemorySources:
    """The port's rules over a dictionary."""

    def __init__(self, plans: MemoryPlans, store: RunStore) -> None:
        self.plans = plans
        self.store = store
        self.texts: dict[str, str] = {}
        for p in plans.plans.values():
            self.texts[p.slug] = f"name: {p.slug}\n"
            self.texts.update({f"{p.slug}/{b.slug}": f"# {b.slug}\n" for b in p.blocks})

    def read_source(self, pipeline: str, block: str) -> SourceText:
        self.plans.plan("", pipeline).block(block)
        return self._read(f"{pipeline}/{block}")

    def save_source(self, pipeline: str, block: str, text: str, if_match: str | None, by: str) -> SourceText:
        self.plans.plan("", pipeline).block(block)
        return self._save(f"{pipeline}/{block}", text, if_match)

    def read_definition(self, pipeline: str) -> SourceText:
        if pipeline not in self.texts:
            raise PipelineNotFound(f"there is no pipeline {pipeline!r}")
        return self._read(pipeline)

    def save_definition(self, pipeline: str, text: str, if_match: str | None, by: str) -> SourceText:
        saved = self._save(pipeline, text, if_match)
        self.plans.plans.setdefault(pipeline, plan(pipeline, block("one")))
        return saved

    def delete_pipeline(self, pipeline: str, by: str) -> None:
        self.read_definition(pipeline)
        del self.texts[pipeline], self.plans.plans[pipeline]

    def save_trigger(
        self, pipeline: str, name: str | None, change: Callable[[Trigger | None], Trigger], by: str
    ) -> Trigger:
        with self.store.transaction() as tx:
            found = {trigger.name: trigger for trigger in tx.triggers(pipeline)}
            before = found.get(name or "")
            after = change(before)
            if after.name in found and after.name != name:
                raise Conflict(f"there is a trigger {after.name!r} already")
            tx.put_trigger(replace(after, id=before.id if before else new_id()))
        return after

    def delete_trigger(self, pipeline: str, name: str, by: str) -> None:
        with self.store.transaction() as tx:
            for trigger in tx.triggers(pipeline):
                if trigger.name == name:
                    tx.delete_trigger(trigger.id, FakeClock().now())

    def _read(self, key: str) -> SourceText:
        if key not in self.texts:
            raise BlockNotFound(f"there is no file {key}")
        text = self.texts[key]
        return SourceText(text, hashlib.sha256(text.encode()).hexdigest()[:16], f"{key}.py", "python")

    def _save(self, key: str, text: str, if_match: str | None) -> SourceText:
        if key in self.texts and self._read(key).etag != if_match:
            raise SourceChanged(f"{key} was saved meanwhile", self._read(key))
        self.texts[key] = text
        return self._read(key)


@dataclass
class Stack:
    """The services behind one server, and what a test needs to move them."""

    services: Services
    clock: FakeClock
    wakeups: PipeWakeups
    database_file: Path
    keys: dict[Role, str] = field(default_factory=dict)

    @property
    def accounts(self) -> StoredAccounts:
        assert isinstance(self.services.accounts, StoredAccounts)
        return self.services.accounts

    def key(self, role: Role) -> str:
        """Return an API key of that role, made once."""
        if role not in self.keys:
            self.keys[role] = self.accounts.create_api_key(COMMAND_LINE, f"test-{role.value}", role)[1]
        return self.keys[role]

    def stored_bytes(self) -> bytes:
        """Return all that is on disk of the database."""
        return b"".join(path.read_bytes() for path in self.database_file.parent.glob("test.db*"))

    def run(self, pipeline: str = "flights", **request: Any) -> Run:
        return create_run(self.services.runs, CreateRun(pipeline, **request))[0]


@cache
def empty_database() -> bytes:
    """Return a migrated SQLite file, made once for all tests of a process."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.db"
        database = open_database(DatabaseOptions(f"sqlite:///{path}"))
        upgrade(database)
        database.close()
        return path.read_bytes()


@contextmanager
def open_stack(folder: Path, *, auth: str = "password", **settings: Any) -> Iterator[Stack]:
    """Make services over a fresh SQLite database."""
    (folder / "test.db").write_bytes(empty_database())
    store = SqlRunStore(open_database(DatabaseOptions(f"sqlite:///{folder / 'test.db'}")))
    clock, wakeups, plans, account_store = FakeClock(), PipeWakeups(), MemoryPlans(), SqlAccountStore(store.database)
    passwords = Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    with store.transaction() as tx:
        tx.publish_code_version(BUNDLE, clock.now())
    services = Services(
        runs=RunServices(store, plans, clock, wakeups),
        authentication=OpenAuthentication()
        if auth == "none"
        else StoredAuthentication(account_store, clock, passwords=passwords),
        accounts=StoredAccounts(account_store, clock, passwords),
        sources=MemorySources(plans, store),
        artifacts=InMemoryArtifactStore(),
        logs=InMemoryLogStore(),
        secrets=DatabaseSecretStore(account_store, clock, [new_encryption_key()]),
        settings=ServerSettings(**{"poll_seconds": 0.2, "static_dir": folder / "static", **settings}),
    )
    try:
        yield Stack(services, clock, wakeups, folder / "test.db")
    finally:
        store.close()
        wakeups.close()


@dataclass
class Api:
    """A running server and clients for it."""

    stack: Stack
    server: WebServer
    url: str

    def client(self, role: Role | None = Role.OWNER, **headers: str) -> httpx.Client:
        """Return a client with that role's API key, or with nothing."""
        if role is not None:
            headers["Authorization"] = f"Bearer {self.stack.key(role)}"
        return httpx.Client(base_url=self.url, headers=headers, timeout=20)


@contextmanager
def serving(stack: Stack, **options: Any) -> Iterator[Api]:
    """Run the real server in a thread; it is told to stop, and waited for, at the end."""
    started = threading.Event()
    ports: list[int] = []

    def note(port: int) -> None:
        ports.append(port)
        started.set()

    serve_options = ServeOptions(port=0, drain_seconds=5, on_started=note, **options)
    server = WebServer(create_app(stack.services), serve_options)
    thread = threading.Thread(target=server.run, name="test-server")
    thread.start()
    try:
        assert started.wait(20)
        yield Api(stack, server, f"http://127.0.0.1:{ports[0]}")
    finally:
        server.stop()
        thread.join(20)
        assert not thread.is_alive()


def as_problem(response: httpx.Response, status: int) -> Mapping[str, Any]:
    """Check that an answer is a problem of that status, and return it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: Mapping[str, Any] = response.json()
    assert body["status"] == status
    assert {"type", "title", "detail"} <= body.keys()
    return body
