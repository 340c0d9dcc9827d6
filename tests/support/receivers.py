"""Servers that stand for those who are told: an HTTP receiver and a mail server, real ones, on loopback."""

from __future__ import annotations

import json
import socket
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


@dataclass(frozen=True)
class Posted:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class HttpReceiver:
    """Answers every POST with `status` and `answer`, and keeps it."""

    url: str
    status: int = 200
    answer: bytes = b""
    got: list[Posted] = field(default_factory=list)


@contextmanager
def http_receiver(status: int = 200, port: int = 0) -> Iterator[HttpReceiver]:
    """Serve on loopback until left."""
    receiver = HttpReceiver("", status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            receiver.got.append(Posted(self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(body)))
            self.send_response(receiver.status)
            self.send_header("content-length", str(len(receiver.answer)))
            if 300 <= receiver.status < 400:
                self.send_header("location", "/elsewhere")
            self.end_headers()
            self.wfile.write(receiver.answer)

        do_GET = do_POST  # noqa: N815 - the name that the standard library calls

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class MailServer:
    """Keeps every mail. `refused@…` is refused for good, `later@…` for now; `password` is the one it takes."""

    port: int
    password: str | None = None
    got: list[tuple[list[str], Message]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)


@contextmanager
def mail_server(password: str | None = None) -> Iterator[MailServer]:
    """Serve SMTP on loopback until left."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        server = MailServer(probe.getsockname()[1], password)

    class Handler:
        async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _: Any) -> str:  # noqa: N802 - aiosmtpd's
            answers = {"refused": "550 5.1.1 nobody of that name", "later": "451 4.7.1 come back later"}
            known = answers.get(address.partition("@")[0])
            if known is None:
                envelope.rcpt_tos.append(address)
            return known or "250 OK"

        async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
            server.got.append((list(envelope.rcpt_tos), message_from_bytes(envelope.content)))
            return "250 OK"

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        given = (data.login.decode(), data.password.decode())
        server.logins.append(given)
        return AuthResult(success=given[1] == server.password)

    options = {"authenticator": authenticate, "auth_require_tls": False} if password else {}
    controller = Controller(Handler(), hostname="127.0.0.1", port=server.port, **options)
    with warnings.catch_warnings():
        # Its own words to itself about a name that its next release drops.
        warnings.simplefilter("ignore", DeprecationWarning)
        controller.start()
    try:
        yield server
    finally:
        controller.stop()


@contextmanager
def silent_server() -> Iterator[int]:
    """Take connections and never say a word; the port."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]
