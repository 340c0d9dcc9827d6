"""Everything a process of ours is made of, from its settings: each port with its adapter, chosen by tables."""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from penstock_runtime.bootstrap.carriers import CARRIERS, carrier_name, machine_name
from penstock_runtime.bootstrap.platform_secrets import database_password
from penstock_runtime.domain.blocks import BlockSpec, ExecutorType, PipelinePlan
from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.ids import new_id
from penstock_runtime.domain.runs import Run
from penstock_runtime.persistence.clock import DatabaseClock
from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from penstock_runtime.persistence.run_store import SqlRunStore
from penstock_runtime.persistence.several_wakeups import SeveralWakeups
from penstock_runtime.persistence.unix_wakeups import UnixWakeups
from penstock_runtime.persistence.wakeup_link import LinkedWakeups, WakeupLink
from penstock_runtime.ports.secret_store import SecretNotFound, SecretStore
from penstock_runtime.ports.wakeups import Wakeups
from penstock_runtime.project.bundles import BundleLibrary
from penstock_runtime.project.plans import ProjectPlans
from penstock_runtime.project.project import Installation
from penstock_runtime.project.templating import TemplateFunctions, render_io_profile, render_sql
from penstock_runtime.runs.services import RunServices
from penstock_runtime.scheduler.trigger_sync import reconcile_triggers
from penstock_runtime.settings import Settings
from penstock_runtime.storage.local import LocalArtifactStore
from penstock_runtime.storage.local_logs import LocalLogStore

if TYPE_CHECKING:
    from penstock_runtime.persistence.account_store import SqlAccountStore

log = logging.getLogger("penstock")

NAME_DAYS = 365_000
"""As good as for ever, and a date that every database has."""

LOCAL_EXECUTORS = frozenset({ExecutorType.LOCAL_PYTHON, ExecutorType.LOCAL_PYTHON_FORCE})


@dataclass(frozen=True)
class Components:
    """The parts that every process shares, made when first needed."""

    settings: Settings
    store: SqlRunStore
    clock: DatabaseClock
    _publishing: threading.Lock = field(default_factory=threading.Lock)
    _names: list[str] = field(default_factory=list)

    @cached_property
    def artifacts(self) -> LocalArtifactStore:
        """Block outputs and bundles."""
        return LocalArtifactStore(self.settings.data_dir / "artifacts")

    @cached_property
    def logs(self) -> LocalLogStore:
        """The logs of attempts."""
        return LocalLogStore(self.settings.data_dir / "logs")

    @cached_property
    def library(self) -> BundleLibrary:
        """Code versions."""
        return BundleLibrary(self.artifacts, self.settings.data_dir / "bundles", self.settings.project_dir.name)

    @cached_property
    def installation(self) -> Installation:
        """What projects run on here."""
        executors = LOCAL_EXECUTORS if self.settings.local_execution else frozenset[ExecutorType]()
        return Installation(self.settings.default_executor, executors, self.settings.template_env.get)

    @cached_property
    def plans(self) -> ProjectPlans:
        """Pipelines by code version."""
        return ProjectPlans(self.library, self.installation)

    @cached_property
    def secrets(self) -> SecretStore:
        """The secret store that the settings choose."""
        return SECRET_STORES[self.settings.secret_store](self)

    @cached_property
    def account_store(self) -> SqlAccountStore:
        """Users, sessions, keys, secrets and the audit trail."""
        from penstock_runtime.persistence.account_store import SqlAccountStore

        return SqlAccountStore(self.store.database)

    @cached_property
    def link(self) -> WakeupLink | None:
        """What carries wake-ups to other machines; None where there can be none."""
        name = carrier_name(self.settings)
        return None if name is None else WakeupLink(CARRIERS[name](self))

    def wakeups(self, *, listen: bool = True, echo: bool = False, only: frozenset[str] | None = None) -> Wakeups:
        """Return a new subscriber, or a mere publisher, of this installation's wake-ups; `only` of some topics."""
        folder = wakeups_folder(self.settings)
        local = UnixWakeups(folder, listen=listen, echo=echo, only=only)
        if self.link is None:
            return local
        # What comes from this machine has come by its sockets already.
        return SeveralWakeups(local, LinkedWakeups(self.link, machine_name(folder), listen=listen, only=only))

    def installation_name(self) -> str:
        """Return what the processes on one database are called by those who share their Redis.

        It is kept in the database as the holder of a right that nobody gives back: addresses of one database differ.
        """
        if not self._names:
            now = self.clock.now()
            with self.store.transaction() as tx:
                kept = tx.acquire_lease("installation", new_id(), now, now + timedelta(days=NAME_DAYS))
            self._names.append(kept.holder)
        return self._names[0]

    def services(self, wakeups: Wakeups) -> RunServices:
        """Return what the life of a run works with."""
        return RunServices(self.store, self.plans, self.clock, wakeups)

    def publish_code(self, by: str | None = None) -> bool:
        """Publish the project folder as it is now, with its triggers; whether that made a new version."""
        with self._publishing:
            digest = self.library.publish_tree(self.settings.project_dir)
            with self.store.transaction(read_only=True) as tx:
                newest = tx.newest_code_version()
            if newest is not None and newest.digest == digest:
                return False
            read = {slug: self.plans.triggers(digest, slug) for slug in self.plans.pipelines(digest)}
            declared = [trigger for found in read.values() for trigger in found.triggers]
            unclear: set[tuple[str, str | None]] = {(slug, None) for slug, found in read.items() if not found.readable}
            unclear |= {(slug, name) for slug, found in read.items() for name in found.broken}
            now = self.clock.now()
            with self.store.transaction() as tx:
                version = tx.publish_code_version(digest, now, by)
                reconcile_triggers(tx, declared, now, unclear)
        log.info("published version %d of the project's code", version.number)
        return True

    def template_functions(self, variables: Mapping[str, Any] | None = None) -> TemplateFunctions:
        """Return what templates of this project may ask for."""
        return TemplateFunctions(self.settings.template_env.get, self._secret_or_none, variables or {})

    def render_sql(self, plan: PipelinePlan, block: BlockSpec, run: Run) -> tuple[str | None, Mapping[str, Any] | None]:
        """Render a SQL block's text for a run, and the profile it runs on."""
        at = run.logical_at or run.created_at
        functions = self.template_functions(run.variables)
        text = render_sql(block.sql or "", len(block.upstream), run.variables, functions, at)
        profile = str(block.configuration.get("data_provider_profile") or "default")
        return text, self.io_profile(plan.bundle, profile, None)

    def io_profile(self, bundle: str, profile: str, path: str | None) -> Mapping[str, Any]:
        """Render a connection profile of a code version; `path` may name another file of the project."""
        root = self.library.path(bundle)
        file = _inside(root, self.settings.project_dir, path)
        try:
            text = file.read_text(encoding="utf-8")
        except OSError as error:
            raise InvalidInput(f"{file.name} cannot be read: {error.strerror}") from error
        return render_io_profile(text, profile, self.template_functions())

    def _secret_or_none(self, name: str) -> str | None:
        try:
            return self.secrets.value(name)
        except SecretNotFound:
            return None


def _database_secrets(components: Components) -> SecretStore:
    from penstock_runtime.bootstrap.keys import encryption_keys
    from penstock_runtime.secret_stores.database import DatabaseSecretStore

    return DatabaseSecretStore(components.account_store, components.clock, encryption_keys(components.settings))


def _environment_secrets(components: Components) -> SecretStore:
    from penstock_runtime.secret_stores.environment import EnvironmentSecretStore

    return EnvironmentSecretStore(components.settings.template_env)


SECRET_STORES: Mapping[str, Callable[[Components], SecretStore]] = {
    "database": _database_secrets,
    "env": _environment_secrets,
}


def open_components(settings: Settings) -> Components:
    """Connect to the database and return the parts; the data folder is made when it is not there."""
    prepare_data_dir(settings)
    options = DatabaseOptions(
        settings.database_url,
        pool_size=settings.pool_size,
        ca_file=settings.ca_file,
        ssl_mode=settings.ssl_mode,
        password=database_password(settings),
        statement_seconds=settings.statement_timeout_seconds,
    )
    store = SqlRunStore(open_database(options))
    return Components(settings, store, DatabaseClock(store))


def prepare_data_dir(settings: Settings) -> None:
    """Make the data folder, for this user alone, with a .gitignore that keeps it out of the project's history.

    One that is there already keeps its mode: whoever made it may have reasons.
    """
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = settings.data_dir / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def wakeups_folder(settings: Settings) -> Path:
    """Return the private folder of this installation's sockets: short, since a socket's path may have 107 bytes."""
    name = hashlib.sha256(str(settings.data_dir).encode()).hexdigest()[:12]
    base = Path(tempfile.gettempdir()) / f"penstock-{os.getuid()}"
    with suppress(FileExistsError):
        base.mkdir(mode=0o700)
    # Anyone may make this name in a shared folder before us. Not followed: a link could lead to a folder of ours.
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) != 0o700:  # noqa: PLR2004 - a mode is its own name
        raise InvalidInput(f"{base} is not a folder of this user alone (mode 0700); remove it, or set TMPDIR")
    return base / name


def _inside(root: Path, project_dir: Path, path: str | None) -> Path:
    """Return the file in the bundle that a path of block code means; it may be given below the live project."""
    if not path:
        return root / "io_config.yaml"
    wanted = Path(path)
    if wanted.is_absolute():
        for base in (project_dir, root):
            if wanted.is_relative_to(base):
                wanted = wanted.relative_to(base)
                break
    found = (root / wanted).resolve()
    if not found.is_relative_to(root.resolve()):
        raise InvalidInput(f"{path} is not a file of the project")
    return found
