"""SQL blocks and Mage's database template on a real PostgreSQL."""

from __future__ import annotations

import datetime as dt

import psycopg
import pytest
from sqlalchemy.engine import make_url

from penstock.io.postgres import copy_line
from support.block_environment import block_python as block_python  # noqa: PLC0414 - a fixture for this module
from support.child_harness import as_input, make_block, make_work, run_child

ORDERS = """
import datetime, decimal
import pandas as pd
@data_loader
def load():
    return pd.DataFrame({
        'id': [1, 2, 3], 'Price': [1.5, 2.5, None], 'name': ['a', None, "o'c"], 'tags': [['x'], [], ['y', 'z']],
        'day': [datetime.date(2026, 1, 1)] * 3, 'at': pd.to_datetime(['2026-01-01 10:00', None, None], utc=True),
        'paid': [decimal.Decimal('1.20'), None, decimal.Decimal('3')], 'ok': [True, False, True],
    })
"""


@pytest.fixture
def profile(empty_postgres_url):
    url = make_url(empty_postgres_url)
    return {
        "POSTGRES_DBNAME": url.database,
        "POSTGRES_USER": url.username,
        "POSTGRES_PASSWORD": url.password,
        "POSTGRES_HOST": url.host or url.query.get("host"),
        "POSTGRES_PORT": url.port or 5432,
        "POSTGRES_SCHEMA": "mart",
    }


@pytest.fixture
def orders(tmp_path, block_python):
    work = make_work(tmp_path, {"data_loaders/orders.py": ORDERS})
    return as_input(run_child(work, block_python).result, work, "orders")


def run_sql(tmp_path, python, profile, text, inputs=(), **configuration):
    settings = {"data_provider": "postgres", **configuration}
    upstream = [entry["block"] for entry in inputs]
    block = make_block("transformers/clean.sql", configuration=settings, sql=text, io=profile, upstream_blocks=upstream)
    work = make_work(tmp_path, {"transformers/clean.sql": text}, block, inputs=list(inputs))
    return run_child(work, python).result


def test_plain_and_raw_sql(tmp_path, block_python, profile, orders):
    columns = "id, price, name, tags->>0 AS tag, day, at, paid, ok"
    text = f"SELECT {columns} FROM penstock_df_1 WHERE price > 2 OR ok ORDER BY id"
    result = run_sql(tmp_path, block_python, profile, text, [orders])
    assert result["error"] is None, result["error"]
    rows = result["outputs"][0]["sample"]["rows"]
    assert [row[0] for row in rows] == [1, 2, 3]
    assert rows[0][1:4] == [1.5, "a", "x"]
    assert rows[2][2:4] == ["o'c", "y"]
    raw = "INSERT INTO mart.sales_clean (id) VALUES (9); SELECT count(*) AS n, max(id) AS top FROM mart.sales_clean"
    counted = run_sql(tmp_path, block_python, profile, raw, use_raw_sql=True)
    assert counted["outputs"][0]["sample"]["rows"] == [[4, 9]]


def test_raw_sql_is_one_transaction(tmp_path, block_python, profile):
    run_sql(tmp_path, block_python, profile, "CREATE TABLE kept (a int)", use_raw_sql=True)
    broken = run_sql(tmp_path, block_python, profile, "INSERT INTO kept VALUES (1); SELECT 1/0", use_raw_sql=True)
    assert "division by zero" in broken["error"]["message"]
    assert "POSTGRES" not in broken["error"]["traceback"]
    left = run_sql(tmp_path, block_python, profile, "SELECT count(*) FROM kept", use_raw_sql=True)
    assert left["outputs"][0]["sample"]["rows"] == [[0]]


ODD_TEXTS = ["", None, "\\N", "a\tb\nc\rd\\", "'\"", "é"]


def test_copy_s_text_format_brings_odd_values_back(profile):
    where = {name.removeprefix("POSTGRES_").lower(): value for name, value in profile.items()}
    where.pop("schema")
    with psycopg.connect(**where) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE odd (n int, t text, b bytea, ok boolean, day date)")
        rows = [(n, text, b"\x00\\\xff", n > 2, dt.date(2026, 1, 1)) for n, text in enumerate(ODD_TEXTS)]
        with cursor.copy("COPY odd FROM STDIN") as copy:
            for row in rows:
                copy.write(copy_line(row))
        assert cursor.execute("SELECT * FROM odd ORDER BY n").fetchall() == rows


TEMPLATE = """
from mage_ai.settings.repo import get_repo_path
from mage_ai.io.config import ConfigFileLoader
from mage_ai.io.postgres import Postgres
from pandas import DataFrame
from os import path

if 'data_exporter' not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def export_data_to_postgres(df: DataFrame, **kwargs) -> None:
    schema_name = 'public'
    table_name = 'Orders Out'
    config_path = path.join(get_repo_path(), 'io_config.yaml')
    with Postgres.with_config(ConfigFileLoader(config_path, 'default')) as loader:
        for policy in ('replace', 'append', 'replace'):
            loader.export(df, schema_name, table_name, index=False, if_exists=policy)
            print(len(loader.load('select * from public."orders out"')))
        try:
            loader.export(df, schema_name, table_name, if_exists='fail')
        except ValueError as error:
            print(error)
        loader.rollback()
        loader.execute('delete from public."orders out" where id = %(id)s', id=1)
        loader.commit()
        print(loader.load('select min(id) as low from public."orders out"')['low'][0])
"""


def test_mage_s_template_writes_and_reads(tmp_path, block_python, profile, orders):
    block = make_block("data_exporters/save.py", upstream_blocks=["orders"])
    work = make_work(tmp_path, {"data_exporters/save.py": TEMPLATE}, block, inputs=[orders])
    run = run_child(work, block_python, lambda what, args: profile)
    assert run.result["error"] is None, run.result["error"]["traceback"]
    plain = [line for line in run.lines if not line.startswith(("Loading", "Exporting", "select"))]
    assert plain[:3] == ["3", "6", "3"]
    assert "exists already" in plain[3]
    assert plain[4] == "2"
