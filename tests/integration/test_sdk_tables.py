"""Tables, arrays, SQL blocks, readers and writers, in a Python environment as blocks have it."""

from __future__ import annotations

import json
import subprocess
import textwrap

import pytest

from support.block_environment import block_python as block_python  # noqa: PLC0414 - a fixture for this module
from support.child_harness import RUNTIME, as_input, make_block, make_work, run_child

HEAD = """
import datetime, decimal
import numpy as np
import pandas as pd
import pyarrow as pa
"""

PANDAS = {
    "numbers": "pd.DataFrame({'i': [1, 2], 'f': [1.5, None], 'b': [True, False], "
    "'u': np.array([1, 2], dtype='uint8')})",
    "text": "pd.DataFrame({'s': ['x', None], 't': pd.Series(['a', 'b'], dtype='string')})",
    "index": "pd.DataFrame({'a': [1, 2]}, index=pd.Index([5, 7], name='k'))",
    "range index": "pd.DataFrame({'a': [1, 2, 3]}).iloc[1:]",
    "multi index": "pd.DataFrame({'a': [1, 2]}, "
    "index=pd.MultiIndex.from_tuples([('x', 1), ('y', 2)], names=['p', 'q']))",
    "times": "pd.DataFrame({'n': pd.to_datetime(['2026-01-01', None]), "
    "'z': pd.to_datetime(['2026-01-01', '2026-02-01'], utc=True), "
    "'d': pd.to_timedelta([1, 2], unit='s')})",
    "dates": "pd.DataFrame({'d': [datetime.date(2026, 1, 1), None], "
    "'m': [decimal.Decimal('1.20'), decimal.Decimal('3.10')]})",
    "nullable": "pd.DataFrame({'i': pd.array([1, None], dtype='Int64'), 'b': pd.array([True, None], dtype='boolean')})",
    "category": "pd.DataFrame({'c': pd.Categorical(['a', 'b', 'a'], categories=['b', 'a'], ordered=True)})",
    "int columns": "pd.DataFrame([[1, 2], [3, 4]])",
    "empty": "pd.DataFrame({'a': pd.Series([], dtype='int64'), 's': pd.Series([], dtype=object)})",
    "no columns": "pd.DataFrame(index=[1, 2])",
    "lists": "pd.DataFrame({'l': [[1], [2, 3]], 'd': [{'a': 1}, {'b': 2}]})",
    "mixed objects": "pd.DataFrame({'o': pd.Series([1, 'x', None], dtype=object)})",
    "object ints": "pd.DataFrame({'o': pd.Series([1, 2], dtype=object)})",
    "repeated names": "pd.DataFrame([[1, 2]], columns=['a', 'a'])",
    "period": "pd.DataFrame({'p': pd.period_range('2026-01', periods=2, freq='M')})",
}


OTHERS = {
    "arrow": ("pa.table({'a': [1, None], 'l': [[1], []]})", "assert got.equals(want)", "arrow", "pyarrow.Table"),
    "batch": ("pa.RecordBatch.from_pydict({'a': [1, 2]})", "assert got.equals(want)", "arrow", "pyarrow.RecordBatch"),
    "series": (
        "pd.Series([1, 2], name='s')",
        "pd.testing.assert_series_equal(got, want)",
        "cloudpickle",
        "pandas.Series",
    ),
    "array": ("np.arange(6.0).reshape(2, 3)", "np.testing.assert_array_equal(got, want)", "npy", "numpy.ndarray"),
    "objects": ("np.array(['a', None], dtype=object)", "assert got.tolist() == want.tolist()", "cloudpickle", "python"),
    "scalar": ("np.float64(1.5)", "assert type(got) is np.float64 and got == want", "cloudpickle", "python"),
    "polars": (
        "__import__('polars').DataFrame({'a': [1, None], 'd': [datetime.date(2026, 1, 1)] * 2, 'l': [[1], [2, 3]]})",
        "assert got.equals(want) and got.schema == want.schema",
        "arrow",
        "polars.DataFrame",
    ),
    "lazy polars": (
        "__import__('polars').LazyFrame({'a': [1, 2]})",
        "assert got.collect().equals(want.collect())",
        "arrow",
        "polars.LazyFrame",
    ),
}
PANDAS_CHECK = """
assert type(got) is pd.DataFrame
pd.testing.assert_frame_equal(got, want, check_freq=False)
for n in range(got.shape[1]):
    got.iloc[:, n] = got.iloc[::-1, n].to_numpy()
"""


def run_pipeline(root, python, files, blocks):
    """Run all blocks in one child; the results by block. One start of pandas serves many cases."""
    run = run_child(make_work(root, files, {}, unit="pipeline", blocks=blocks), python)
    assert run.returncode == 0
    return {event["block"]: event["result"] for event in run.events if event["event"] == "block_finished"}


@pytest.fixture(scope="module")
def copies(tmp_path_factory, block_python):
    """Each value returned by one block and checked by the next: the results by block."""
    files, blocks = {}, []
    cases = {
        **{name: (value, PANDAS_CHECK) for name, value in PANDAS.items()},
        **{name: case[:2] for name, case in OTHERS.items()},
    }
    for name, (value, check) in cases.items():
        slug = name.replace(" ", "_")
        files[f"custom/write_{slug}.py"] = f"{HEAD}\n@custom\ndef write():\n    return {value}\n"
        body = textwrap.indent(check, "    ")
        files[f"custom/read_{slug}.py"] = f"{HEAD}\n@custom\ndef read(got):\n    want = {value}\n{body}\n"
        blocks.append(make_block(f"custom/write_{slug}.py"))
        blocks.append(make_block(f"custom/read_{slug}.py", upstream_blocks=[f"write_{slug}"]))
    return run_pipeline(tmp_path_factory.mktemp("copies"), block_python, files, blocks)


def outputs_of(copies, name):
    """The outputs of a case that was written without error and found equal by its reader."""
    slug = name.replace(" ", "_")
    for result in (copies[f"write_{slug}"], copies[f"read_{slug}"]):
        assert result["error"] is None, result["error"]["traceback"]
    return copies[f"write_{slug}"]["outputs"]


@pytest.mark.parametrize("name", PANDAS)
def test_pandas_frames_come_back_as_they_were_and_may_be_changed(copies, name):
    (output,) = outputs_of(copies, name)
    opaque = {"lists", "mixed objects", "object ints", "repeated names"}
    assert output["format"] == ("cloudpickle" if name in opaque else "arrow")
    assert output["type"] == "pandas.DataFrame"
    assert output["rows"] == {"category": 3, "empty": 0, "repeated names": 1, "mixed objects": 3}.get(name, 2)
    assert output["sample"]["columns"] == [column["name"] for column in output["columns"]]


@pytest.mark.parametrize("name", OTHERS)
def test_other_tables_and_arrays(copies, name):
    (output,) = outputs_of(copies, name)
    assert (output["format"], output["type"]) == OTHERS[name][2:]


def test_several_frames_are_several_outputs(tmp_path, block_python):
    files = {
        "custom/two.py": f"{HEAD}\n@custom\ndef two():\n    return pd.DataFrame({{'a': [1]}}), {{'n': 3}}\n",
        "custom/take.py": "@custom\ndef take(both):\n    return [both[0]['a'].tolist(), both[1]]\n",
    }
    blocks = [make_block("custom/two.py"), make_block("custom/take.py", upstream_blocks=["two"])]
    results = run_pipeline(tmp_path, block_python, files, blocks)
    named = [(output["name"], output["format"]) for output in results["two"]["outputs"]]
    assert named == [("output_0", "arrow"), ("output_1", "json")]
    assert results["take"]["outputs"][0]["inline"] == [[1], {"n": 3}]


def test_functions_and_objects_of_the_block_s_own_file_travel_along(tmp_path, block_python):
    writer = (
        "class Model:\n"
        "    def __init__(self, k): self.k = k\n"
        "    def predict(self, x): return self.k * x\n"
        "@custom\n"
        "def fit():\n"
        "    return Model(3)\n"
    )
    work = make_work(tmp_path, {"custom/fit.py": writer})
    first = run_child(work, block_python).result
    reader = "@custom\ndef use(model):\n    return model.predict(4)\n"
    block = make_block("custom/use.py", upstream_blocks=["fit"])
    second = run_child(
        make_work(tmp_path, {"custom/use.py": reader}, block, inputs=[as_input(first, work, "fit")]), block_python
    )
    assert second.result["outputs"][0]["inline"] == 12


LARGE_ROWS = 12_000_000  # 3 columns of 8 bytes: 288 MB, several slices
WRITE_LARGE = f"""
import json, resource
import numpy as np, pandas as pd, pyarrow
from penstock import serialize
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
frame = pd.DataFrame({{name: np.random.default_rng(1).random({LARGE_ROWS}) for name in 'abc'}})
before = peak()
output = serialize.Writer('.').write('output_0', frame)
print(json.dumps([int(frame.memory_usage().sum()), peak() - before, output]))
"""
READ_LARGE = """
import json, resource, sys
import numpy as np, pandas as pd, pyarrow
from penstock import serialize
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
before = peak()
frame = serialize.read(json.loads(sys.argv[1]))
frame.iloc[0, 0] = 1.0
print(json.dumps([len(frame), peak() - before]))
"""


def test_a_large_frame_is_never_held_twice(tmp_path, block_python):
    def run(code, *args):
        command = [str(block_python), "-c", code, *args]
        env = {"PYTHONPATH": str(RUNTIME)}
        done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    size, written, output = run(WRITE_LARGE)
    assert output["rows"] == LARGE_ROWS
    assert written < size * 0.75
    rows, read = run(READ_LARGE, json.dumps({**output, "path": str(tmp_path / output["file"]), "sample": None}))
    assert rows == LARGE_ROWS
    assert read < size * 1.75


def test_a_dynamic_block_s_frame_gives_its_rows(tmp_path, block_python):
    items = f"{HEAD}\n@custom\ndef items():\n    return pd.DataFrame({{'id': [1, 2, 3], 's': ['a', 'b', 'c']}})\n"
    work = make_work(tmp_path, {"custom/items.py": items}, make_block("custom/items.py", dynamic=True))
    first = run_child(work, block_python).result
    assert first["fan_out"] == 3
    reader = "@custom\ndef one(row, *args, **kwargs):\n    return {**row, 'index': kwargs['dynamic_block_index']}\n"
    block = make_block("custom/one.py", upstream_blocks=["items"])
    fields = {
        "map_index": 2,
        "dynamic_input": {"block": "items", "index": 2},
        "inputs": [as_input(first, work, "items")],
    }
    second = run_child(make_work(tmp_path, {"custom/one.py": reader}, block, **fields), block_python).result
    assert second["outputs"][0]["inline"] == {"id": 3, "s": "c", "index": 2}


def test_a_dynamic_block_s_list_of_frames_is_read_one_by_one(tmp_path, block_python):
    items = f"{HEAD}\n@custom\ndef items():\n    return [[pd.DataFrame({{'n': [n]}}) for n in range(3)]]\n"
    work = make_work(tmp_path, {"custom/items.py": items}, make_block("custom/items.py", dynamic=True))
    first = run_child(work, block_python).result
    (output,) = first["outputs"]
    assert (first["fan_out"], output["format"], len(output["items"])) == (3, "items", 3)
    (tmp_path / "staging" / "output_0" / "0000.arrow").unlink()
    reader = "@custom\ndef one(frame):\n    return int(frame['n'].iloc[0])\n"
    block = make_block("custom/one.py", upstream_blocks=["items"])
    fields = {
        "map_index": 1,
        "dynamic_input": {"block": "items", "index": 1},
        "inputs": [as_input(first, work, "items")],
    }
    second = run_child(make_work(tmp_path, {"custom/one.py": reader}, block, **fields), block_python).result
    assert second["outputs"][0]["inline"] == 1


def test_used_tables_says_which_parent_suits(tmp_path, block_python):
    for source, used in (
        ("@custom\ndef run(): return 1\n", False),
        ("import pandas\n@custom\ndef run(): return 1\n", True),
        ("@custom\ndef run():\n    import polars\n    return polars.DataFrame({'a': [1]})\n", True),
    ):
        assert run_child(make_work(tmp_path, {"custom/run.py": source}), block_python).result["used_tables"] is used


def sql_block(name, provider, text, upstream=(), io=None, **configuration):
    configuration = {"data_provider": provider, "data_provider_profile": "default", **configuration}
    return make_block(
        f"transformers/{name}.sql", configuration=configuration, sql=text, io=io or {}, upstream_blocks=list(upstream)
    )


@pytest.fixture
def orders(tmp_path, block_python):
    """Outputs of an upstream block: a table of three orders."""
    source = (
        f"{HEAD}\n"
        f"@data_loader\n"
        f"def load():\n"
        f"    return pd.DataFrame({{'id': [1, 2, 3], 'price': [1.5, 2.5, None], 'name': ['a', None, \"o'c\"], "
        f"'day': pd.to_datetime(['2026-01-01'] * 3), 'ok': [True, False, True]}})\n"
    )
    work = make_work(tmp_path, {"data_loaders/orders.py": source})
    return as_input(run_child(work, block_python).result, work, "orders")


def profile(tmp_path, provider):
    files = {
        "sqlite": {"SQLITE_DATABASE": str(tmp_path / "db.sqlite")},
        "duckdb": {"DUCKDB_DATABASE": str(tmp_path / "db.duckdb")},
    }
    return files[provider]


def run_sql(tmp_path, python, block, inputs=()):
    path = block["path"]
    return run_child(make_work(tmp_path, {path: block["sql"]}, block, inputs=list(inputs)), python).result


@pytest.mark.parametrize("provider", ["sqlite", "duckdb"])
def test_a_plain_query_is_the_output_and_fills_its_table(tmp_path, block_python, orders, provider):
    io = profile(tmp_path, provider)
    block = sql_block(
        "total",
        provider,
        "SELECT id, price * 2 AS twice FROM penstock_df_1 WHERE price IS NOT NULL ORDER BY id",
        ["orders"],
        io,
    )
    result = run_sql(tmp_path, block_python, block, [orders])
    assert result["error"] is None
    assert result["outputs"][0]["sample"]["rows"] == [[1, 3.0], [2, 5.0]]
    again = run_sql(tmp_path, block_python, block, [orders])
    assert again["error"] is None
    assert again["outputs"][0]["rows"] == 2
    count = sql_block("count", provider, "SELECT count(*) AS n FROM sales_total", io=io, export_write_policy="replace")
    assert run_sql(tmp_path, block_python, count)["outputs"][0]["sample"]["rows"] == [[4]]
    replace = {**block, "configuration": {**block["configuration"], "export_write_policy": "replace"}}
    run_sql(tmp_path, block_python, replace, [orders])
    assert run_sql(tmp_path, block_python, count)["outputs"][0]["sample"]["rows"] == [[2]]
    refuse = {**block, "configuration": {**block["configuration"], "export_write_policy": "fail"}}
    assert "exists already" in run_sql(tmp_path, block_python, refuse, [orders])["error"]["message"]


@pytest.mark.parametrize("provider", ["sqlite", "duckdb"])
def test_raw_sql_runs_its_statements_and_gives_the_last_query(tmp_path, block_python, orders, provider):
    text = (
        "CREATE TABLE kept AS SELECT * FROM penstock_df_1; -- a; comment\n"
        "INSERT INTO kept SELECT * FROM penstock_df_1;\n"
        "SELECT count(*) AS n, count(name) AS named FROM kept;"
    )
    block = sql_block("raw", provider, text, ["orders"], profile(tmp_path, provider), use_raw_sql=True)
    result = run_sql(tmp_path, block_python, block, [orders])
    assert result["error"] is None
    assert result["outputs"][0]["sample"]["rows"] == [[6, 4]]
    only = sql_block("drop", provider, "DROP TABLE kept", io=profile(tmp_path, provider), use_raw_sql=True)
    assert run_sql(tmp_path, block_python, only)["outputs"] == []


def test_sql_takes_json_upstreams_and_names_its_mistakes(tmp_path, block_python):
    rows = {
        "name": "output_0",
        "format": "json",
        "type": "json",
        "bytes": 1,
        "file": None,
        "inline": [{"a": 1}, {"a": 2}],
    }
    upstream = {"block": "rows", "map_index": None, "outputs": [rows]}
    block = sql_block("s", "duckdb", "SELECT sum(a) AS s FROM penstock_df_1", ["rows"])
    assert run_sql(tmp_path, block_python, block, [upstream])["outputs"][0]["sample"]["rows"] == [[3]]
    for text, provider, message in (
        ("SELECT 1; SELECT 2", "duckdb", "holds 2 statements"),
        ("SELECT 1", "oracle", "data_provider is oracle"),
        ("SELECT 1", "sqlite", "has no SQLITE_DATABASE"),
        ("SELECT nothing FROM nowhere", "duckdb", "nowhere"),
    ):
        assert message in run_sql(tmp_path, block_python, sql_block("s", provider, text))["error"]["message"]


MAGE_DUCKDB = """
from mage_ai.settings.repo import get_repo_path
from mage_ai.io.config import ConfigFileLoader
from mage_ai.io.duckdb import DuckDB
from pandas import DataFrame
from os import path

if 'data_exporter' not in globals():
    from mage_ai.data_preparation.decorators import data_exporter


@data_exporter
def export_data_to_duckdb(df: DataFrame, **kwargs) -> None:
    table_name = 'your_table_name'
    config_path = path.join(get_repo_path(), 'io_config.yaml')
    config_profile = 'default'

    with DuckDB.with_config(ConfigFileLoader(config_path, config_profile)) as loader:
        loader.export(df, None, table_name=table_name, index=False, if_exists='replace')
        print(loader.load('select count(*) n, sum(price) p from your_table_name').to_dict('records'))
"""


def test_mage_s_database_template_runs_with_the_profile_asked_for(tmp_path, block_python, orders):
    asked = []

    def answer(what, args):
        asked.append((what, args["profile"], args["path"].rpartition("/")[2]))
        return profile(tmp_path, "duckdb")

    block = make_block("data_exporters/save.py", upstream_blocks=["orders"])
    work = make_work(tmp_path, {"data_exporters/save.py": MAGE_DUCKDB}, block, inputs=[orders])
    run = run_child(work, block_python, answer)
    assert run.result["error"] is None
    assert asked == [("io_config", "default", "io_config.yaml")]
    assert "[{'n': 3, 'p': 4.0}]" in run.lines


def test_files_of_every_common_format_come_back(tmp_path, block_python):
    source = f"""{HEAD}
from mage_ai.io.file import FileIO
@custom
def run():
    frame = pd.DataFrame({{'a': [1, 2], 's': ['x', 'y']}})
    for suffix in ('csv', 'json', 'jsonl', 'parquet', 'feather'):
        FileIO().export(frame, f'out/t.{{suffix}}')
        pd.testing.assert_frame_equal(FileIO().load(f'out/t.{{suffix}}'), frame)
    try:
        FileIO().load('out/t.what')
    except ValueError as error:
        return str(error)
"""
    run = run_child(make_work(tmp_path, {"custom/run.py": source}), block_python)
    assert run.result["error"] is None
    assert "csv" in run.result["outputs"][0]["inline"]


ACTION = """
from mage_ai.data_cleaner.transformer_actions.base import BaseAction
from mage_ai.data_cleaner.transformer_actions.constants import ActionType, Axis
from mage_ai.data_cleaner.transformer_actions.utils import build_transformer_action
from pandas import DataFrame

if 'transformer' not in globals():
    from mage_ai.data_preparation.decorators import transformer


@transformer
def execute_transformer_action(*args, **kwargs) -> DataFrame:
    df = DataFrame({'City': ['a', 'a', 'b', 'b'], 'n': [1, 3, 5, None]})
    action = build_transformer_action(
        df, action_type=ActionType.%s, axis=Axis.%s, arguments=%s, action_code=%r, options=%s, outputs=%s,
    )
    result = BaseAction(action).execute(df).reset_index(drop=True)
    return result.astype(object).where(lambda f: f.notna(), None).to_dict('list')
"""


ACTIONS = [
    ("AVERAGE", "COLUMN", ["n"], "", {"groupby_columns": ["City"]}, [{"uuid": "m"}], {"m": [2.0, 2.0, 5.0, 5.0]}),
    ("COUNT", "COLUMN", ["n"], "", {}, [{"uuid": "c"}], {"c": [3, 3, 3, 3]}),
    ("CLEAN_COLUMN_NAME", "COLUMN", ["City"], "", {}, [], {"city": ["a", "a", "b", "b"]}),
    ("REMOVE", "COLUMN", ["City"], "", {}, [], {"n": [1.0, 3.0, 5.0, None]}),
    ("IMPUTE", "COLUMN", ["n"], "", {"strategy": "average"}, [], {"n": [1.0, 3.0, 5.0, 3.0]}),
    ("SHIFT_DOWN", "COLUMN", ["n"], "", {}, [{"uuid": "p"}], {"p": [None, 1.0, 3.0, 5.0]}),
    ("FILTER", "ROW", [], "n > 1 and City == 'a'", {}, [], {"n": [3.0]}),
    ("FILTER", "ROW", [], "n != null", {}, [], {"n": [1.0, 3.0, 5.0]}),
    ("FILTER", "ROW", [], "City contains 'b'", {}, [], {"n": [5.0, None]}),
    ("DROP_DUPLICATE", "ROW", ["City"], "", {"keep": "first"}, [], {"n": [1.0, 5.0]}),
    ("SORT", "ROW", ["n"], "", {"ascending": False}, [], {"n": [5.0, 3.0, 1.0, None]}),
]


@pytest.fixture(scope="module")
def acted(tmp_path_factory, block_python):
    """The results of every action, by the number of its case."""
    files = {f"transformers/act_{number}.py": ACTION % case[:6] for number, case in enumerate(ACTIONS)}
    return run_pipeline(tmp_path_factory.mktemp("actions"), block_python, files, [make_block(path) for path in files])


@pytest.mark.parametrize("number", range(len(ACTIONS)), ids=[f"{case[0]}-{case[3] or case[1]}" for case in ACTIONS])
def test_transformer_actions(acted, number):
    result, expected = acted[f"act_{number}"], ACTIONS[number][6]
    assert result["error"] is None, result["error"]["traceback"]
    value = result["outputs"][0]["inline"]
    assert {name: value[name] for name in expected} == expected


def test_actions_that_are_not_supported_say_so(tmp_path, block_python):
    source = ACTION % ("JOIN", "ROW", [], "", {}, [])
    message = run_child(make_work(tmp_path, {"transformers/act.py": source}), block_python).result["error"]["message"]
    assert "'join' is not supported; supported are drop_duplicate, filter, remove, sort" in message
