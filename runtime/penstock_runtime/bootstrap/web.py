"""The web server's parts, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from penstock_runtime.auth.accounts import StoredAccounts
from penstock_runtime.auth.authentication import OpenAuthentication, StoredAuthentication, check_auth_mode, is_loopback
from penstock_runtime.bootstrap.accounts import OPERATOR, public_url, sign_in_link
from penstock_runtime.bootstrap.components import LOCAL_EXECUTORS, Components
from penstock_runtime.bootstrap.sources import PublishedSources
from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.artifact_store import ArtifactStore
from penstock_runtime.ports.authentication import Accounts, Authentication
from penstock_runtime.ports.log_store import LogStore
from penstock_runtime.ports.secret_store import SecretStore
from penstock_runtime.ports.sources import Sources
from penstock_runtime.runs.services import RunServices

OWNER_NAME = "owner"


@dataclass(frozen=True, slots=True)
class WebParts:
    """What the server's routes work with, each port with its adapter."""

    runs: RunServices
    authentication: Authentication
    accounts: Accounts
    sources: Sources
    artifacts: ArtifactStore
    logs: LogStore
    secrets: SecretStore
    executors: Callable[[], Sequence[Mapping[str, Any]]]


def build_web_parts(components: Components) -> WebParts:
    """Return the server's parts. InvalidInput for an auth mode that the address does not allow."""
    settings = components.settings
    check_auth_mode(settings.auth_mode, settings.host)
    wakeups = components.wakeups(echo=True)
    life = timedelta(hours=settings.session_hours)
    authentication: Authentication = (
        OpenAuthentication()
        if settings.auth_mode == "none"
        else StoredAuthentication(
            components.account_store, components.clock, session_life=life, owner_code=settings.owner_code
        )
    )
    return WebParts(
        runs=components.services(wakeups),
        authentication=authentication,
        accounts=StoredAccounts(components.account_store, components.clock),
        sources=PublishedSources(components, wakeups),
        artifacts=components.artifacts,
        logs=components.logs,
        secrets=components.secrets,
        executors=lambda: describe_executors(components),
    )


def describe_executors(components: Components) -> Sequence[Mapping[str, Any]]:
    """Return what this installation can start, for the cluster page."""
    if not components.settings.local_execution:
        return ()
    return [{"type": kind.value, "slots": components.settings.slots} for kind in sorted(LOCAL_EXECUTORS)][:1]


def accept_owner_code(components: Components) -> None:
    """Let PENSTOCK_OWNER_CODE make the first owner, before the server listens. Nothing without it, or with a user."""
    settings = components.settings
    if settings.auth_mode != "none":
        StoredAuthentication(
            components.account_store, components.clock, owner_code=settings.owner_code
        ).accept_owner_code()


def first_owner_link(components: Components, port: int) -> Sequence[str]:
    """Return the lines to print once the server listens: where it is, and how the owner gets in.

    While there is no user, PENSTOCK_OWNER_CODE makes the first owner, and the log does not show it. Else, on this
    machine, a link signs the owner in once; on an address that others reach, while there is no user, the one-time setup
    code is for whoever reads this log.
    """
    settings = components.settings
    url = public_url(settings, port)
    lines = [f"Penstock is at {url}"]
    if settings.auth_mode == "none":
        return lines
    accounts = StoredAccounts(components.account_store, components.clock)
    owners = [user for user in accounts.users() if user.role is Role.OWNER and user.disabled_at is None]
    if settings.owner_code is not None and not owners:
        where = "the owner code (PENSTOCK_OWNER_CODE: read it where the installation keeps its secrets)"
        return [*lines, f"No user yet: make the first owner at {url}/setup with {where}"]
    if is_loopback(settings.host):
        owner = owners[0] if owners else accounts.create_user(OPERATOR, OWNER_NAME, Role.OWNER, None)
        link = sign_in_link(url, accounts.sign_in_code(OPERATOR, owner.id))
        return [*lines, f"Sign in, once, with {link}"]
    if not owners:
        code = StoredAuthentication(components.account_store, components.clock).new_setup_code()
        lines.append(f"No user yet: make the first owner at {url}/setup with the code {code}")
    return lines
