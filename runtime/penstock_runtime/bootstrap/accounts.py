"""Making users and keys from the command line, whose user owns the data anyway."""

from __future__ import annotations

from pathlib import Path

from penstock_runtime.auth.accounts import StoredAccounts
from penstock_runtime.bootstrap.components import Components, open_components
from penstock_runtime.bootstrap.opening import open_installation_settings, upgrade_at_start
from penstock_runtime.bootstrap.snapshots import CreatedApiKey, CreatedUser
from penstock_runtime.domain.errors import NotFound
from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.authentication import Identity
from penstock_runtime.settings import Settings

OPERATOR = Identity("operator", "operator", Role.OWNER)
"""Whoever has the project's files and database at hand."""


def create_user(folder: Path | None, name: str, role: str, password: str | None) -> CreatedUser:
    """Add a user; without a password, with a link that signs in once. Conflict, InvalidInput."""
    components = _open(folder)
    accounts = StoredAccounts(components.account_store, components.clock)
    user = accounts.create_user(OPERATOR, name, Role(role), password)
    link = None
    if password is None:
        link = sign_in_link(public_url(components.settings), accounts.sign_in_code(OPERATOR, user.id))
    return CreatedUser(user.name, user.role.value, link)


def make_sign_in_link(folder: Path | None, name: str) -> str:
    """Return a link that signs an existing user in once. NotFound."""
    components = _open(folder)
    user = components.account_store.user_by_name(name)
    if user is None:
        raise NotFound(f"there is no user {name!r}; `penstock user create {name} --role …` adds one")
    accounts = StoredAccounts(components.account_store, components.clock)
    return sign_in_link(public_url(components.settings), accounts.sign_in_code(OPERATOR, user.id))


def create_api_key(folder: Path | None, name: str, role: str) -> CreatedApiKey:
    """Make a key; its secret is in the answer and nowhere else."""
    components = _open(folder)
    accounts = StoredAccounts(components.account_store, components.clock)
    key, secret = accounts.create_api_key(OPERATOR, name, Role(role))
    return CreatedApiKey(key.name, key.role.value, secret)


def public_url(settings: Settings, port: int | None = None) -> str:
    """Return the address that people open."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = "localhost" if settings.host in ("127.0.0.1", "::1", "0.0.0.0", "::") else settings.host  # noqa: S104
    return f"http://{host}:{settings.port if port is None else port}"


def sign_in_link(url: str, code: str) -> str:
    """Return the link that a one-time code stands for."""
    return f"{url}/sign-in/{code}"


def _open(folder: Path | None) -> Components:
    components = open_components(open_installation_settings(folder))
    upgrade_at_start(components)
    return components
