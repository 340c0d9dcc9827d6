"""Reaching a managed Postgres: a password that AWS keeps and rotates, and TLS that is checked."""

from __future__ import annotations

import json
from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from penstock_runtime.bootstrap.platform_secrets import database_password, password_of
from penstock_runtime.domain.errors import InvalidInput, StoreUnavailable
from penstock_runtime.persistence.database import Database
from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from penstock_runtime.settings import read_settings
from support.databases import folder_of
from support.secured_postgres import Authority, PasswordPostgres, TlsFront, password_postgres

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def server(pytestconfig, worker_name) -> Iterator[PasswordPostgres]:
    with password_postgres(folder_of(pytestconfig), f"pg-password-{worker_name}") as made:
        made.set_password("first")
        yield made


@pytest.fixture(scope="module")
def worker_name(request) -> str:
    return getattr(request.config, "workerinput", {}).get("workerid", "alone")


@pytest.fixture(scope="module")
def aws_url() -> Iterator[str]:
    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def aws(aws_url, monkeypatch):
    """Secrets Manager; the region is known from the ARN alone, as in a container that was told nothing else."""
    for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x", "ENDPOINT_URL": aws_url}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    return boto3.client("secretsmanager", region_name=REGION)


@pytest.fixture
def managed(aws, server) -> Iterator[str]:
    """A secret as RDS keeps it: the ARN."""
    server.set_password("first")
    arn = aws.create_secret(Name="rds!db-1", SecretString=rds_text("first"))["ARN"]
    yield arn
    aws.delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


def rds_text(password: str) -> str:
    return json.dumps({"username": "penstock", "password": password})


def opened(server: PasswordPostgres, reference: str) -> Database:
    environ = {"PENSTOCK_DB_HOST": "127.0.0.1", "PENSTOCK_DB_PORT": str(server.port), "PENSTOCK_DB_NAME": "postgres"}
    settings = read_settings({**environ, "PENSTOCK_DB_SECRET": reference})
    return open_database(DatabaseOptions(settings.database_url, password=database_password(settings)))


def answer(database: Database) -> object:
    with database.transaction() as session:
        return session.text("SELECT current_user")[0][0]


def test_a_password_that_rotates_under_a_running_pool_is_read_again(server, aws, managed):
    database = opened(server, f"aws:{managed}")
    assert answer(database) == "penstock"
    aws.put_secret_value(SecretId=managed, SecretString=rds_text("second"))
    server.set_password("second")
    assert answer(database) == "penstock"
    database.close()


def test_a_password_is_read_once_for_many_connections(server, aws, managed):
    database = opened(server, f"aws:{managed}")
    assert answer(database) == "penstock"
    aws.put_secret_value(SecretId=managed, SecretString=rds_text("not the server's yet"))
    database.drop_connections()
    assert answer(database) == "penstock"
    database.close()


def test_a_password_that_is_wrong_at_both_ends_is_an_unavailable_store_and_heals(server, aws, managed):
    database = opened(server, f"aws:{managed}")
    server.set_password("changed by hand")
    with pytest.raises(StoreUnavailable, match="password authentication failed"):
        answer(database)
    aws.put_secret_value(SecretId=managed, SecretString=rds_text("changed by hand"))
    assert answer(database) == "penstock"
    database.close()


def test_another_key_of_the_secret_can_be_named(server, aws):
    server.set_password("third")
    arn = aws.create_secret(Name="shop", SecretString=json.dumps({"db": "third"}))["ARN"]
    database = opened(server, f"aws:{arn}#db")
    assert answer(database) == "penstock"
    database.close()


def test_a_secret_that_is_not_there_is_an_unavailable_store_with_aws_reason(server, aws):
    arn = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:gone"
    database = opened(server, f"aws:{arn}")
    with pytest.raises(StoreUnavailable, match=r"cannot be read from .*secret:gone.*ResourceNotFound"):
        answer(database)
    database.close()


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [("plain", None, "plain"), ("12345", None, "12345"), ('{"password": "p"}', None, "p"), ('{"k": "p"}', "k", "p")],
)
def test_what_counts_as_the_password(text, key, expected):
    assert password_of(text, key) == expected


@pytest.mark.parametrize(
    ("text", "key"), [("sesame", "k"), ('{"k": "sesame"}', None), ('{"password": ["sesame"]}', None)]
)
def test_a_secret_without_the_part_is_refused_and_not_shown(text, key):
    with pytest.raises(InvalidInput, match="PENSTOCK_DB_SECRET") as refused:
        password_of(text, key)
    assert "sesame" not in str(refused.value)


# --- TLS --------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def front(server, authority) -> Iterator[TlsFront]:
    server.set_password("over-tls")
    made = TlsFront(authority.server_context("localhost"), server.port)
    yield made
    made.close()


def through(front: TlsFront, host: str = "localhost", **environ: object) -> Database:
    known = {"PENSTOCK_DB_HOST": host, "PENSTOCK_DB_PORT": front.port, "PENSTOCK_DB_NAME": "postgres"}
    given = {**known, "PENSTOCK_DB_PASSWORD": "over-tls", **environ}
    settings = read_settings({name: str(value) for name, value in given.items()})
    return open_database(
        DatabaseOptions(settings.database_url, ca_file=settings.ca_file, ssl_mode=settings.ssl_mode, connect_seconds=5)
    )


def test_a_server_is_checked_against_the_authority_and_its_name(front, authority):
    database = through(front, PENSTOCK_CA_FILE=authority.file)
    assert answer(database) == "penstock"
    assert front.encrypted == 1
    database.close()


def test_another_name_is_refused_unless_the_authority_alone_is_asked_for(front, authority):
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1"):
        answer(through(front, "127.0.0.1", PENSTOCK_CA_FILE=authority.file))
    checked = through(front, "127.0.0.1", PENSTOCK_CA_FILE=authority.file, PENSTOCK_DB_SSLMODE="verify-ca")
    assert answer(checked) == "penstock"
    checked.close()


def test_another_authority_is_refused(front, tmp_path):
    stranger = Authority(tmp_path, "stranger")
    with pytest.raises(StoreUnavailable, match="certificate verify failed"):
        answer(through(front, PENSTOCK_CA_FILE=stranger.file))


def test_tls_can_be_required_without_an_authority(front):
    database = through(front, PENSTOCK_DB_SSLMODE="require")
    assert answer(database) == "penstock"
    assert front.encrypted == 1
    database.close()


def test_where_tls_is_required_a_server_without_it_is_refused(server, front, authority):
    front.port = server.port
    for environ in ({"PENSTOCK_DB_SSLMODE": "require"}, {"PENSTOCK_CA_FILE": authority.file}):
        with pytest.raises(StoreUnavailable, match="server does not support SSL"):
            answer(through(front, **environ))
