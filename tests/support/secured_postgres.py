"""A Postgres that asks for passwords, and TLS in front of one: what a managed database is like.

The server of the wheel is built without TLS, so a proxy ends it, as poolers and cloud proxies do; the client's side of
the handshake and its checks are the real ones.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import shutil
import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support.servers import CARELESS, PostgresServer, free_port, private_folder

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
PIECE = 65536


@dataclass
class PasswordPostgres:
    """A server on loopback where a password is asked over TCP; over its socket the administrator needs none."""

    server: PostgresServer
    port: int
    user: str = "penstock"

    def set_password(self, password: str) -> None:
        """Make or change the user's password, and end what is connected as that user, as a rotation with teeth does."""
        with psycopg.connect(self.admin_url, autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [self.user]).fetchone()
            verb = "ALTER" if known else "CREATE"
            connection.execute(f"{verb} ROLE {self.user} LOGIN SUPERUSER PASSWORD '{password}'".encode())
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s", [self.user])

    @property
    def admin_url(self) -> str:
        return f"{self.server.url()}&port={self.port}"

    def url(self, host: str = "127.0.0.1", port: int | None = None) -> str:
        return f"postgresql://{self.user}@{host}:{port or self.port}/postgres"


class _OnTcp(PostgresServer):
    """The same server, which also listens on loopback; its socket carries the port in its name."""

    port = 0

    def url(self, database: str = "postgres") -> str:
        return f"{super().url(database)}&port={self.port}"


@contextlib.contextmanager
def password_postgres(folder: Path, name: str) -> Iterator[PasswordPostgres]:
    """Give a server of one's own, started, without a user yet."""
    home = private_folder(folder, name)
    port = free_port()
    server = _OnTcp(home, {**CARELESS, "listen_addresses": "127.0.0.1", "port": str(port)})
    server.port = port
    server.create()
    (server.data / "pg_hba.conf").write_text("local all postgres trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    server.start()
    try:
        yield PasswordPostgres(server, port)
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


# --- TLS --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Authority:
    """A certificate authority of the test's own."""

    folder: Path
    name: str = "authority"

    def __post_init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _certificate(self.name, key, self.name, key, authority=True)
        object.__setattr__(self, "_key", key)
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    @property
    def file(self) -> Path:
        """The certificate that clients check against."""
        return self.folder / f"{self.name}.pem"

    def server_context(self, host: str) -> ssl.SSLContext:
        """Return what a server that calls itself `host` answers with."""
        key = ec.generate_private_key(ec.SECP256R1())
        issuer: ec.EllipticCurvePrivateKey = self._key  # type: ignore[attr-defined]
        certificate = _certificate(host, key, self.name, issuer)
        both = self.folder / f"{self.name}-{host}.pem"
        plain = serialization.NoEncryption()
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        both.write_bytes(key.private_bytes(pem, pkcs8, plain) + certificate.public_bytes(pem))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(both)
        return context


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    issuer_key: ec.EllipticCurvePrivateKey,
    *,
    authority: bool = False,
) -> x509.Certificate:
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
        subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - dt.timedelta(hours=1),
        not_valid_after=now + dt.timedelta(days=1),
    )
    builder = builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    return builder.sign(issuer_key, hashes.SHA256())


class TlsFront:
    """Speaks TLS with clients of a Postgres that does not; `encrypted` counts them."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        self._context = context
        self._behind = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.encrypted = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            if client.recv(len(SSL_REQUEST)) != SSL_REQUEST:
                return
            client.sendall(b"S")
            with self._context.wrap_socket(client, server_side=True) as tls:
                self.encrypted += 1
                with socket.create_connection(("127.0.0.1", self._behind)) as server:
                    back = threading.Thread(target=_copy, args=(server, tls), daemon=True)
                    back.start()
                    _copy(tls, server)
                    back.join(5)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(PIECE):
            sink.sendall(piece)
        sink.shutdown(socket.SHUT_WR)
