"""Looking after an installation from the command line."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from penstock_runtime.bootstrap.components import Components, open_components
from penstock_runtime.bootstrap.keys import existing_keys, key_file
from penstock_runtime.bootstrap.opening import open_installation_settings
from penstock_runtime.bootstrap.snapshots import DatabaseStatus, Finding, Health
from penstock_runtime.domain.errors import PenstockError
from penstock_runtime.environments.builder import find_uv
from penstock_runtime.persistence import migrate
from penstock_runtime.persistence.engine import shown
from penstock_runtime.ports.secret_store import SecretUnreadable
from penstock_runtime.project.validation import validate
from penstock_runtime.scheduler.right import NAME, describe_holder
from penstock_runtime.secret_stores.database import DatabaseSecretStore
from penstock_runtime.settings import Settings

LITTLE_DISK_BYTES = 1 << 30


def upgrade_database(folder: Path | None, *, post: bool) -> Sequence[str]:
    """Apply what is missing; the revisions applied."""
    components = open_components(open_installation_settings(folder))
    before = migrate.database_status(components.store.database)
    after = migrate.upgrade(components.store.database, post=post)
    left = {*after.pending, *after.pending_post}
    return [name for name in (*before.pending, *before.pending_post) if name not in left]


def database_status(folder: Path | None) -> DatabaseStatus:
    """Return where the schema stands."""
    settings = open_installation_settings(folder)
    found = migrate.database_status(open_components(settings).store.database)
    return DatabaseStatus(shown_url(settings), found.revision, found.pending, found.pending_post)


def shown_url(settings: Settings) -> str:
    """Return the database's address without its password."""
    return shown(settings.database_url)


def examine(folder: Path | None) -> Sequence[Finding]:
    """Look at everything that an installation needs; each finding on its own, so that one failure hides no other."""
    try:
        settings = open_installation_settings(folder)
    except PenstockError as error:
        return [Finding("settings", Health.BAD, str(error))]
    findings = [Finding("project", Health.GOOD, str(settings.project_dir))]
    findings += [Finding("settings", Health.WARNING, warning) for warning in settings.warnings]
    checks: dict[str, Callable[[Settings], Finding]] = {
        "pipelines": _pipelines,
        "data folder": _data_folder,
        "database": _database,
        "encryption key": _key,
        "scheduler": _scheduler,
        "user environments": _uv,
        "redis": _redis,
    }
    for subject, check in checks.items():
        try:
            findings.append(check(settings))
        except (PenstockError, OSError) as error:
            findings.append(Finding(subject, Health.BAD, str(error)))
    return findings


def _pipelines(settings: Settings) -> Finding:
    problems = [one for one in validate(settings.project_dir) if one.severity.value == "error"]
    if not problems:
        return Finding("pipelines", Health.GOOD, "no errors")
    return Finding("pipelines", Health.WARNING, f"{len(problems)} errors", f"penstock validate {settings.project_dir}")


def _data_folder(settings: Settings) -> Finding:
    place = settings.data_dir if settings.data_dir.exists() else settings.data_dir.parent
    if not os.access(place, os.W_OK):
        return Finding("data folder", Health.BAD, f"{place} cannot be written", "set PENSTOCK_DATA_DIR")
    free = shutil.disk_usage(place).free
    health = Health.WARNING if free < LITTLE_DISK_BYTES else Health.GOOD
    return Finding("data folder", health, f"{settings.data_dir}, {free / 2**30:.1f} GiB free")


def _database(settings: Settings) -> Finding:
    status = migrate.database_status(_open(settings).store.database)
    if status.ready:
        return Finding("database", Health.GOOD, f"{shown_url(settings)} answers, revision {status.revision}")
    return Finding("database", Health.WARNING, f"{shown_url(settings)} is not up to date", "penstock db upgrade")


def _key(settings: Settings) -> Finding:
    if settings.secret_store != "database":  # noqa: S105 - the name of a store, not a secret
        return Finding("encryption key", Health.GOOD, f"not needed: secrets are in {settings.secret_store}")
    keys = existing_keys(settings)
    origin = "PENSTOCK_ENCRYPTION_KEY" if settings.encryption_keys else str(key_file(settings))
    components = _open(settings)
    ready = migrate.database_status(components.store.database).ready
    names = [secret.name for secret in components.account_store.secrets()] if ready else []
    if not keys:
        health = Health.BAD if names else Health.GOOD
        remedy = "put the key that belongs to this data there, or set the secrets again" if names else ""
        return Finding("encryption key", health, f"none at {origin} yet; {len(names)} secrets to open", remedy)
    store = DatabaseSecretStore(components.account_store, components.clock, keys)
    closed = [name for name in names if not _opens(store, name)]
    if closed:
        remedy = "put the key that belongs to this data there, or set these secrets again"
        return Finding("encryption key", Health.BAD, f"the key from {origin} does not open {', '.join(closed)}", remedy)
    return Finding("encryption key", Health.GOOD, f"from {origin}; it opens all {len(names)} secrets")


def _opens(store: DatabaseSecretStore, name: str) -> bool:
    try:
        store.value(name)
    except SecretUnreadable:
        return False
    return True


def _scheduler(settings: Settings) -> Finding:
    components = _open(settings)
    services = components.services(components.wakeups(listen=False))
    now = components.clock.now()
    with components.store.transaction(read_only=True) as tx:
        lease = tx.lease(NAME)
        members = [one for one in tx.members() if one.role == "scheduler" and one.expires_at > now]
    working = [one for one in members if not one.detail.get("standby")]
    if settings.redis_url and not settings.sqlite and working:
        places = ", ".join(f"process {one.pid} on {one.host}" for one in working)
        return Finding("scheduler", Health.GOOD, f"{len(working)} share the work: {places}")
    if lease is None or lease.expires_at < now:
        return Finding("scheduler", Health.WARNING, "none is working", f"penstock start {settings.project_dir}")
    return Finding("scheduler", Health.GOOD, describe_holder(services, lease))


def _uv(_settings: Settings) -> Finding:
    return Finding("user environments", Health.GOOD, f"made by {find_uv()}")


def _redis(settings: Settings) -> Finding:
    if not settings.redis_url:
        return Finding("redis", Health.GOOD, "not set; one scheduler works without it")
    if settings.sqlite:
        remedy = "set DATABASE_URL to a Postgres, or leave REDIS_URL out"
        return Finding("redis", Health.WARNING, "REDIS_URL is set and not used: SQLite has one scheduler", remedy)
    from penstock_runtime.bootstrap.carriers import redis_trouble

    trouble = redis_trouble(settings)
    if trouble is None:
        return Finding("redis", Health.GOOD, "it answers; schedulers share the work")
    return Finding("redis", Health.WARNING, trouble, "runs go on without it, woken by polls: see REDIS_URL")


def _open(settings: Settings) -> Components:
    return open_components(settings)
