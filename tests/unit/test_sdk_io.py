"""Readers and writers against drivers that are made up: what they ask of a driver, word for word."""

from __future__ import annotations

from types import SimpleNamespace

import duckdb
import pandas as pd
import pytest

from penstock.io import mysql, object_stores, snowflake
from penstock.io.bigquery import BigQuery
from penstock.io.database import Database
from penstock.io.duckdb import DuckDB
from penstock.io.formats import QUERY_ROW_LIMIT
from penstock.io.mysql import MySQL
from penstock.io.object_stores import S3
from penstock.io.postgres import Postgres, copy_line
from penstock.io.redshift import Redshift
from penstock.io.snowflake import Snowflake


class StrictConnection:
    """A connection as mysql-connector's: one statement at a time, its rows read and its cursor closed before the next.

    `answers` are the rows of statements by a word in them; `said` keeps the statements and their parameters.
    """

    def __init__(self, answers=()):
        self.answers = dict(answers)
        self.said = []
        self.unread = False

    def cursor(self):
        return StrictCursor(self)

    def commit(self):
        pass


class StrictCursor:
    description = (("id",), ("name",))

    def __init__(self, connection):
        self.connection = connection

    def execute(self, query, parameters=None):
        assert not self.connection.unread, "Unread result found"
        self.connection.said.append((query, parameters))
        self.rows = next((rows for word, rows in self.connection.answers.items() if word in query), [])
        self.connection.unread = query.startswith("SELECT")

    def fetchone(self):
        return self.rows[0] if self.rows else None

    def fetchall(self):
        self.connection.unread = False
        return self.rows

    def close(self):
        assert not self.connection.unread, "Unread result found"


def opened(database, answers=()):
    database._connection = StrictConnection(answers)
    return database


def test_looking_at_a_table_leaves_no_rows_unread():
    database = opened(MySQL({"MYSQL_DATABASE": "shop"}), {"information_schema": [(1,), (1,)]})
    assert database.table_exists(None, "orders")
    assert database._same_columns(SimpleNamespace(columns=["ID", "name"]), "orders")
    assert not database._same_columns(SimpleNamespace(columns=["id"]), "orders")
    database.run("DELETE FROM orders")
    assert database.conn.said[0][1] == ["orders", "shop"]


def test_mysql_refuses_a_tunnel_and_reads_rows_at_once(monkeypatch):
    with pytest.raises(ValueError, match="MYSQL_CONNECTION_METHOD: only 'direct'"):
        MySQL({"MYSQL_CONNECTION_METHOD": "ssh_tunnel", "MYSQL_HOST": "h", "MYSQL_DATABASE": "d"}).open()
    asked = {}
    monkeypatch.setattr(mysql, "find_spec", lambda name: name == "mysql" or None)
    monkeypatch.setattr(mysql, "need", lambda *_: SimpleNamespace(connect=lambda **given: asked.update(given)))
    MySQL({"MYSQL_HOST": "h", "MYSQL_DATABASE": "d"}).connect()
    assert asked["buffered"] is True


def test_names_are_folded_where_the_database_folds_them():
    redshift = opened(Redshift({}))
    redshift.table_exists("Mart", "Orders")
    ((query, values),) = redshift.conn.said
    assert "lower(table_name) = lower(%s) AND lower(table_schema) = lower(%s)" in query
    assert values == ["Orders", "Mart"]
    plain = opened(Database({}))
    plain.table_exists(None, "Orders")
    assert "lower" not in plain.conn.said[0][0]


def test_duckdb_finds_a_table_by_any_case_and_stays_open():
    database = DuckDB({})
    database._connection = duckdb.connect(":memory:")
    database.execute("CREATE TABLE Orders (id INTEGER)")
    assert database.table_exists(None, "orders")
    assert database.table_exists("MAIN", "ORDERS")
    assert not database.table_exists(None, "order")
    database.close()


def test_snowflake_s_loader_gets_plain_names_as_the_server_folds_them(monkeypatch):
    written = {}

    def write_pandas(_connection, _frame, table, **options):
        written.update(options, table=table)

    monkeypatch.setattr(snowflake, "need", lambda *_: SimpleNamespace(write_pandas=write_pandas))
    monkeypatch.setattr(Snowflake, "_as_frame", lambda *_, **__: SimpleNamespace(rename=lambda **_: None))
    database = opened(Snowflake({"SNOWFLAKE_DEFAULT_SCHEMA": "My schema"}))
    database.export(None, "orders", "shop", "public", if_exists="fail")
    assert (written["database"], written["schema"], written["table"]) == ("SHOP", "PUBLIC", "ORDERS")
    assert database.conn.said[-1][1] == ["ORDERS", "PUBLIC"]
    database.export(None, "orders", "shop")
    assert written["schema"] == "My schema"


def test_snowflake_s_timeout_is_kept(monkeypatch):
    asked = {}
    monkeypatch.setattr(snowflake, "need", lambda *_: SimpleNamespace(connect=lambda **given: asked.update(given)))
    Snowflake({"SNOWFLAKE_ACCOUNT": "a", "SNOWFLAKE_USER": "u", "SNOWFLAKE_TIMEOUT": "30"}).connect()
    assert asked == {"account": "a", "user": "u", "network_timeout": 30}


@pytest.mark.parametrize(
    ("limit", "options"), [({}, {}), ({"limit": QUERY_ROW_LIMIT}, {}), ({"limit": 5}, {"max_results": 5})]
)
def test_bigquery_gets_a_limit_only_when_one_is_given(limit, options):
    asked = []
    result = SimpleNamespace(
        result=lambda **given: asked.append(given) or SimpleNamespace(to_dataframe=lambda: "frame")
    )
    reader = BigQuery.__new__(BigQuery)
    reader.client = SimpleNamespace(query=lambda _: result)
    assert reader.load("SELECT 1", **limit) == "frame"
    assert asked == [options]


@pytest.mark.parametrize(
    ("keys", "there"), [([], False), (["data/a"], True), (["data/a.csv"], False), (["data/a", "data/a.csv"], True)]
)
def test_an_s3_object_is_not_there_by_the_beginning_of_its_key(keys, there):
    def list_objects_v2(Bucket, Prefix, MaxKeys):  # noqa: N803 - boto3's names
        found = [{"Key": key} for key in keys if key.startswith(Prefix)][:MaxKeys]
        return {"KeyCount": len(found), **({"Contents": found} if found else {})}

    store = S3.__new__(S3)
    store.client = SimpleNamespace(list_objects_v2=list_objects_v2)
    assert store.exists("bucket", "data/a") is there


def test_s3_takes_on_a_role(monkeypatch):
    made = []
    keys = {"AccessKeyId": "role key", "SecretAccessKey": "role secret", "SessionToken": "token"}

    def client(name, **options):
        made.append((name, options))
        return SimpleNamespace(assume_role=lambda **given: made.append(("role", given)) or {"Credentials": keys})

    monkeypatch.setattr(object_stores, "need", lambda *_: SimpleNamespace(client=client))
    S3({"AWS_ACCESS_KEY_ID": "own key", "AWS_SECRET_ACCESS_KEY": "s", "AWS_REGION": "r", "AWS_ROLE_ARN": "arn:x"})
    own = {"aws_access_key_id": "own key", "aws_secret_access_key": "s", "region_name": "r"}
    role = {"aws_access_key_id": "role key", "aws_secret_access_key": "role secret", "aws_session_token": "token"}
    assert made == [
        ("sts", own),
        ("role", {"RoleArn": "arn:x", "RoleSessionName": "penstock"}),
        ("s3", {**role, "region_name": "r"}),
    ]


def test_psycopg2_copies_in_text_format():
    copied = {}
    database = Postgres({})
    cursor = SimpleNamespace(copy_expert=lambda query, file: copied.update({query: file.read()}))
    database._connection = SimpleNamespace(cursor=lambda: cursor)
    database.insert("mart.orders", pd.DataFrame({"id": [1, 2], "name": ["", None]}))
    assert copied == {'COPY mart.orders ("id", "name") FROM STDIN': "1\t\n2\t\\N\n"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, r"\N"),
        ("", ""),
        (r"\N", r"\\N"),
        ("a\tb\nc\rd\\", r"a\tb\nc\rd\\"),
        (b"\x00\xff\\", r"\\x00ff5c"),
        (True, "True"),
        (1.5, "1.5"),
    ],
)
def test_copy_keeps_empty_texts_apart_from_none(value, text):
    assert copy_line([value, 1]) == f"{text}\t1\n"
