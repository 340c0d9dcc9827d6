"""What the server works with: one object, put together by bootstrap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from penstock_runtime.ports.artifact_store import ArtifactStore
from penstock_runtime.ports.authentication import Accounts, Authentication
from penstock_runtime.ports.log_store import LogStore
from penstock_runtime.ports.secret_store import SecretStore
from penstock_runtime.ports.sources import SourceChanged, Sources, SourceText
from penstock_runtime.runs.services import RunServices
from penstock_runtime.server.event_hub import EventHub

__all__ = ["STATIC_DIR", "ServerSettings", "Services", "SourceChanged", "SourceText", "Sources"]

STATIC_DIR = Path(__file__).parent / "static"
"""Where `make web` puts the built page."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Values the server needs. `thread_count` is how many handlers run at once: the size of the connection pool.

    `public_url` is the address people open. `scheduler_lease` names the right to schedule in the run store.
    `max_body_bytes` bounds a request. `poll_seconds` is the slow look behind wake-ups for followers of logs.
    A stream's credential is looked at again every `recheck_seconds`; one identity follows `max_streams` logs at once.
    """

    public_url: str = "http://localhost:6789"
    version: str = "0.1.0"
    thread_count: int = 5
    static_dir: Path = STATIC_DIR
    scheduler_lease: str = "scheduler"
    max_body_bytes: int = 8 * 1024 * 1024
    poll_seconds: float = 1.0
    recheck_seconds: float = 30.0
    max_streams: int = 20

    @property
    def https(self) -> bool:
        """Whether people reach the server by https, so that cookies may be `Secure`."""
        return urlsplit(self.public_url).scheme == "https"

    @property
    def public_origin(self) -> str:
        """Scheme, host and port of the public address, as a browser's `Origin` header has them."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()


def _nothing() -> Sequence[Mapping[str, Any]]:
    return ()


@dataclass(frozen=True, slots=True)
class Services:
    """Everything behind the routes. `executors` describes what starts blocks here, for `/cluster`."""

    runs: RunServices
    authentication: Authentication
    accounts: Accounts
    sources: Sources
    artifacts: ArtifactStore
    logs: LogStore
    secrets: SecretStore
    settings: ServerSettings = field(default_factory=ServerSettings)
    hub: EventHub = field(default_factory=EventHub)
    executors: Callable[[], Sequence[Mapping[str, Any]]] = _nothing
