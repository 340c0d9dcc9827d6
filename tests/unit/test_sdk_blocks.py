"""Python blocks, through a real child process and its control socket."""

from __future__ import annotations

import json

import pytest

from support.child_harness import as_input, make_block, make_work, run_child

LOADER = """
if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader
if 'test' not in globals():
    from mage_ai.data_preparation.decorators import test


@data_loader
def load_data(*args, **kwargs):
    return {'orders': [1, 2, 3]}


@test
def test_output(output, *args) -> None:
    assert output is not None, 'The output is undefined'
"""


def test_template_of_a_loader_runs_and_says_started_then_finished(tmp_path):
    run = run_child(make_work(tmp_path, {"data_loaders/load.py": LOADER}))
    assert [event["event"] for event in run.events] == ["started", "finished"]
    assert run.returncode == 0
    result = run.result
    assert result["status"] == "succeeded"
    assert result["tests"] == [{"name": "test_output", "passed": True, "message": None}]
    (output,) = result["outputs"]
    assert output["inline"] == {"orders": [1, 2, 3]}
    assert output["file"] is None
    assert result["used_tables"] is False


def block_returning(tmp_path, body, head="", **fields):
    source = f"{head}\n@custom\ndef run(*args, **kwargs):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    return run_child(make_work(tmp_path, {"custom/run.py": source}, **fields))


def test_keyword_arguments_carry_the_run(tmp_path):
    run = block_returning(
        tmp_path,
        "kwargs.pop('logger')\nmoment = kwargs.pop('execution_date')\n"
        "return {**kwargs, 'iso': moment.isoformat(), 'tz': str(moment.tzinfo)}",
        variables={"region": "north", "ds": "not this"},
    )
    value = run.result["outputs"][0]["inline"]
    assert value["region"] == "north"
    assert value["ds"] == "2026-03-01"
    assert value["iso"] == "2026-03-01T07:30:00.123456+00:00"
    assert value["tz"] == "UTC"
    assert value["attempt_key"] == "sales/1/load/1"
    assert value["execution_partition"] == "hourly/20260301T073000"
    assert (value["block_uuid"], value["pipeline_uuid"]) == ("run", "sales")
    assert value["configuration"] == {}
    assert value["event"] == {}


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("a, b", "[1, 2]"),
        ("a, *rest", "[1, (2,)]"),
        ("a, b, env", "[1, 2, 'prod']"),
        ("a, b, *, env", "[1, 2, 'prod']"),
        ("a, b, missing=7", "[1, 2, 7]"),
        ("env, b, **kwargs", "[1, 2, False]"),
    ],
)
def test_a_function_gets_what_it_can_take(tmp_path, signature, expected):
    names = [part.strip(" *").partition("=")[0] for part in signature.split(",")]
    values = ["'env' in kwargs" if name == "kwargs" else name for name in names if name]
    source = f"@custom\ndef run({signature}):\n    return repr([{', '.join(values)}])\n"
    block = make_block("custom/run.py", upstream_blocks=["one", "two"])
    run = run_child(make_work(tmp_path, {"custom/run.py": source}, block, inputs=[entry("one", 1), entry("two", 2)]))
    assert run.result["error"] is None
    assert run.result["outputs"][0]["inline"] == expected


def entry(block, *values, map_index=None, **extra):
    outputs = [
        {"name": f"output_{n}", "format": "json", "type": "json", "bytes": 1, "inline": value, "file": None}
        for n, value in enumerate(values)
    ]
    return {"block": block, "map_index": map_index, "outputs": outputs, **extra}


def test_inputs_come_in_upstream_order_and_several_outputs_are_one_list(tmp_path):
    block = make_block("custom/run.py", upstream_blocks=["b", "a", "none"])
    source = "@custom\ndef run(*args):\n    return {'args': list(args)}\n"
    inputs = [entry("a", 1), entry("none"), entry("b", 2, 3)]
    run = run_child(make_work(tmp_path, {"custom/run.py": source}, block, inputs=inputs))
    assert run.result["outputs"][0]["inline"] == {"args": [[2, 3], 1, None]}


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        ("", ["one"], "takes 0 inputs but the block has 1 upstream blocks"),
        ("a, b, **kwargs", ["one"], r"takes 2 inputs (a, b) but the block has 1"),
    ],
)
def test_a_wrong_number_of_inputs_is_explained(tmp_path, signature, inputs, message):
    block = make_block("custom/run.py", upstream_blocks=inputs)
    source = f"@custom\ndef run({signature}):\n    return 1\n"
    run = run_child(make_work(tmp_path, {"custom/run.py": source}, block, inputs=[entry(i, 1) for i in inputs]))
    assert run.result["status"] == "failed"
    assert message in run.result["error"]["message"]
    assert run.result["error"]["traceback"] == ""


def test_an_upstream_sensor_without_result_needs_no_parameter(tmp_path):
    block = make_block("custom/run.py", upstream_blocks=["wait", "load"])
    source = "@custom\ndef run(data):\n    return data\n"
    run = run_child(make_work(tmp_path, {"custom/run.py": source}, block, inputs=[entry("wait"), entry("load", 5)]))
    assert run.result["outputs"][0]["inline"] == 5


@pytest.mark.parametrize(
    ("returned", "inlines"),
    [
        ("None", []),
        ("[]", [[]]),
        ("[{'a': 1}]", [{"a": 1}]),
        ("[1, 2, 3]", [[1, 2, 3]]),
        ("(1, 2)", [[1, 2]]),
        ("{'a': [1]}", [{"a": [1]}]),
        ("'text'", ["text"]),
        ("False", [False]),
    ],
)
def test_what_is_returned_becomes_outputs_as_documented(tmp_path, returned, inlines):
    result = block_returning(tmp_path, f"return {returned}").result
    assert [output["inline"] for output in result["outputs"]] == inlines


def test_values_that_are_no_json_come_back_as_they_were(tmp_path):
    head = "import datetime, decimal\nclass Point:\n    def __init__(self, x): self.x = x\n"
    value = "{'when': datetime.date(2026, 1, 2), 'price': decimal.Decimal('1.20'), 'pair': (1, 2), 3: float('nan')}"
    work = make_work(tmp_path, {"custom/run.py": f"{head}\n@custom\ndef run():\n    return {value}\n"})
    first = run_child(work).result
    assert first["outputs"][0]["format"] == "cloudpickle"
    assert first["outputs"][0]["sample"]["when"] == "2026-01-02"
    reader = "@custom\ndef run(data):\n    return repr(data)\n"
    block = make_block("custom/second.py", upstream_blocks=["run"])
    second = run_child(make_work(tmp_path, {"custom/second.py": reader}, block, inputs=[as_input(first, work, "run")]))
    shown = second.result["outputs"][0]["inline"]
    assert "datetime.date(2026, 1, 2)" in shown
    assert "Decimal('1.20')" in shown
    assert "(1, 2)" in shown
    assert "3: nan" in shown


def test_large_json_goes_to_a_file_named_by_its_hash(tmp_path):
    work = make_work(tmp_path, {"custom/run.py": "@custom\ndef run():\n    return ['x' * 1000] * 100\n"})
    (output,) = run_child(work).result["outputs"]
    path = tmp_path / "staging" / output["file"]
    import hashlib

    assert output["inline"] is None
    assert hashlib.sha256(path.read_bytes()).hexdigest() == output["sha256"]
    assert path.stat().st_size == output["bytes"]
    assert json.loads(path.read_bytes()) == ["x" * 1000] * 100
    assert [p.name for p in path.parent.iterdir()] == ["output_0.json"]


def test_the_inline_limit_is_for_all_outputs_together(tmp_path):
    limits = {"inline_bytes": 100}
    source = "@custom\ndef run():\n    return 'y' * 90\n"
    assert run_child(make_work(tmp_path, {"custom/run.py": source}, limits=limits)).result["outputs"][0]["inline"]
    source = "@custom\ndef run():\n    return 'y' * 99\n"
    output = run_child(make_work(tmp_path, {"custom/run.py": source}, limits=limits)).result["outputs"][0]
    assert output["inline"] is None
    assert output["file"] == "output_0.json"


def test_text_that_databases_refuse_is_kept_out_of_the_result(tmp_path):
    work = make_work(tmp_path, {"custom/run.py": "@custom\ndef run():\n    return 'a\\x00b\\ud800'\n"})
    first = run_child(work).result
    assert first["outputs"][0]["inline"] is None
    assert "\x00" not in json.dumps(first)
    assert "\\u0000" not in json.dumps(first)


def test_sensor_false_is_deferred_and_true_succeeds(tmp_path):
    for answer, status in (("False", "deferred"), ("True", "succeeded"), ("None", "deferred")):
        source = f"@sensor\ndef check(*args, **kwargs) -> bool:\n    return {answer}\n"
        assert run_child(make_work(tmp_path, {"sensors/wait.py": source})).result["status"] == status


def test_conditionals_come_first_with_the_block_s_inputs(tmp_path):
    files = {
        "custom/run.py": "print('ran')\n@custom\ndef run(data):\n    return data\n",
        "conditionals/large.py": "@condition\ndef large(data, *args, **kwargs) -> bool:\n    return data > 10\n",
    }
    block = make_block("custom/run.py", upstream_blocks=["up"])
    conditionals = [make_block("conditionals/large.py")]
    low = run_child(make_work(tmp_path, files, block, inputs=[entry("up", 3)], conditionals=conditionals))
    assert low.result["status"] == "skipped"
    assert "ran" not in low.lines
    high = run_child(make_work(tmp_path, files, block, inputs=[entry("up", 30)], conditionals=conditionals))
    assert high.result["outputs"][0]["inline"] == 30


def test_a_failing_test_fails_the_block_and_the_others_still_run(tmp_path):
    source = """
@custom
def run():
    return [1, 2]

@test
def first_is_two(first, second):
    assert first == 2

@test
def has_two(*outputs):
    assert len(outputs) == 2, 'two'

@test
def has_message(output, *args):
    assert output == 9, 'it should be nine'
"""
    run = run_child(make_work(tmp_path, {"custom/run.py": source}))
    result = run.result
    assert result["status"] == "failed"
    assert [test["passed"] for test in result["tests"]] == [False, True, False]
    assert "custom/run.py:8" in result["tests"][0]["message"]
    assert "it should be nine" in result["error"]["message"]
    assert result["error"]["type"] == "TestsFailed"
    assert "custom/run.py" in result["error"]["traceback"]
    assert result["outputs"] == []
    assert "1/3 tests passed" in [record["message"] for record in run.records]
    skipped = run_child(make_work(tmp_path, {"custom/run.py": source}, run_tests=False)).result
    assert skipped["status"] == "succeeded"


def test_traceback_starts_in_the_block_and_names_its_line(tmp_path):
    files = {
        "custom/run.py": "from shop.tools.maths import half\n\n@custom\ndef run():\n    return half(None)\n",
        "tools/maths.py": "def half(x):\n    try:\n        return x / 2\n"
        "    except TypeError as e:\n        raise ValueError('no half') from e\n",
    }
    error = run_child(make_work(tmp_path, files)).result["error"]
    assert (error["type"], error["message"]) == ("ValueError", "no half")
    assert 'File "custom/run.py", line 5, in run' in error["traceback"]
    assert 'File "tools/maths.py", line 3, in half' in error["traceback"]
    assert "direct cause" in error["traceback"]
    assert "penstock" not in error["traceback"]


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        ("@custom\ndef run(:\n", "SyntaxError", "invalid syntax"),
        ("x = 1\n", "BlockError", "has no function marked @custom"),
        ("@transformer\ndef run(): pass\n", "BlockError", "it has @transformer"),
        ("import nothing_of_this_name\n", "ModuleNotFoundError", "nothing_of_this_name"),
        ("@custom\ndef run():\n    raise SystemExit(0)\n", "SystemExit", "the block called sys.exit(0)"),
        ("@custom\ndef run():\n    raise KeyboardInterrupt\n", "KeyboardInterrupt", ""),
        ("@custom\ndef run():\n    return (i for i in [1])\n", "OutputError", "generator"),
        ("@custom\ndef run():\n    def f(): return f()\n    return f()\n", "RecursionError", "recursion"),
        ("import sys\nsys.exit(3)\n", "SystemExit", "sys.exit(3)"),
    ],
)
def test_what_goes_wrong_is_a_failed_result(tmp_path, source, kind, message):
    run = run_child(make_work(tmp_path, {"custom/run.py": source}))
    assert run.result["status"] == "failed"
    assert run.result["error"]["type"] == kind
    assert message in run.result["error"]["message"]
    assert run.returncode == 0


def test_errors_that_cannot_be_pickled_or_printed_are_reported(tmp_path):
    source = """
import threading
class Odd(Exception):
    def __init__(self):
        super().__init__('odd')
        self.lock = threading.Lock()
    def __str__(self):
        raise RuntimeError('no text')

@custom
def run():
    raise Odd()
"""
    error = run_child(make_work(tmp_path, {"custom/run.py": source})).result["error"]
    assert error["type"] == "Odd"
    assert "could not be made: RuntimeError" in error["message"]


def test_a_missing_file_is_named(tmp_path):
    work = make_work(tmp_path, {"custom/other.py": ""}, make_block("custom/gone.py"))
    assert "there is no file custom/gone.py" in run_child(work).result["error"]["message"]


def test_a_missing_input_file_is_named(tmp_path):
    output = {"name": "output_0", "format": "json", "type": "json", "bytes": 3, "inline": None, "file": "output_0.json"}
    output["path"] = str(tmp_path / "gone.json")
    block = make_block("custom/run.py", upstream_blocks=["up"])
    inputs = [{"block": "up", "map_index": None, "outputs": [output]}]
    work = make_work(tmp_path, {"custom/run.py": "@custom\ndef run(x): pass\n"}, block, inputs=inputs)
    assert "gone.json" in run_child(work).result["error"]["message"]
    (tmp_path / "gone.json").write_text("1")
    assert "has 1 bytes where 3 were written" in run_child(work).result["error"]["message"]


def test_a_block_that_leaves_by_os_exit_gives_no_result(tmp_path):
    run = run_child(make_work(tmp_path, {"custom/run.py": "import os\n@custom\ndef run():\n    os._exit(0)\n"}))
    assert [event["event"] for event in run.events] == ["started"]


def test_a_process_that_the_block_forked_never_speaks_for_it(tmp_path):
    source = (
        "import os\n"
        "@custom\n"
        "def run():\n"
        "    pid = os.fork()\n"
        "    if pid:\n"
        "        os.waitpid(pid, 0)\n"
        "    return 'parent' if pid else 'child'\n"
    )
    run = run_child(make_work(tmp_path, {"custom/run.py": source}))
    assert run.result["outputs"][0]["inline"] == "parent"


def test_binary_output_does_no_harm(tmp_path):
    source = (
        "import sys\n"
        "@custom\n"
        "def run():\n"
        "    sys.stdout.buffer.write(bytes(range(256)))\n"
        "    print('\\udcff end')\n"
        "    return 1\n"
    )
    run = run_child(make_work(tmp_path, {"custom/run.py": source}))
    assert run.result["status"] == "succeeded"
    assert bytes(range(256)) in run.output
    assert b"\\udcff end" in run.output


def test_printed_lines_and_log_records_keep_their_order(tmp_path):
    source = """
import logging
log = logging.getLogger('shop')
@custom
def run(**kwargs):
    print('one')
    kwargs['logger'].warning('two %s', 2)
    print('three')
    log.info('four')
    try:
        1 / 0
    except ZeroDivisionError:
        kwargs['logger'].exception('five')
"""
    run = run_child(make_work(tmp_path, {"custom/run.py": source}))
    lines = run.output.splitlines()
    assert [line[:1] == b"\x1e" for line in lines] == [False, True, False, True, True]
    records = run.records
    assert [(r["level"], r["message"].splitlines()[0]) for r in records] == [
        ("WARNING", "two 2"), ("INFO", "four"), ("ERROR", "five"),
    ]  # fmt: skip
    assert "ZeroDivisionError" in records[2]["message"]
    assert all(r["time"].endswith("Z") and len(r["time"]) == 27 for r in records)


def test_working_folder_and_import_path_are_the_project_s(tmp_path):
    source = (
        "import os, sys, penstock\n"
        "from mage_ai.settings.repo import get_repo_path\n"
        "@custom\n"
        "def run():\n"
        "    repo, own = get_repo_path(), penstock.get_repo_path()\n"
        "    return {'cwd': os.getcwd(), 'repo': repo, 'own': own, 'path': sys.path[:2]}\n"
    )
    work = make_work(tmp_path, {"custom/run.py": source})
    value = run_child(work).result["outputs"][0]["inline"]
    assert value["cwd"] == value["repo"] == value["own"] == work["project_dir"]
    assert value["path"] == [str(tmp_path / "bundles" / "digest"), work["bundle_dir"]]


def test_asking_for_secrets_and_refusals(tmp_path):
    source = (
        "from mage_ai.data_preparation.shared.secrets import get_secret_value\n"
        "@custom\n"
        "def run():\n"
        "    return [get_secret_value('KEY'), get_secret_value('GONE')]\n"
    )
    work = make_work(tmp_path, {"custom/run.py": source})
    run = run_child(work, answer=lambda what, args: {"KEY": "s3cret"}.get(args["name"]) if what == "secret" else 1 / 0)
    assert run.result["outputs"][0]["inline"] == ["s3cret", None]
    refused = run_child(work)
    assert refused.result["error"]["type"] == "AskError"
    assert "nobody answers secret here" in refused.result["error"]["message"]


LOWER_LIMIT = "import penstock.channel\npenstock.channel.FRAME_LIMIT_BYTES = 4000\n"


def test_a_message_that_no_frame_holds_fails_the_block_in_words(tmp_path):
    returns = f"{LOWER_LIMIT}@custom\ndef run():\n    return 'x' * 5000\n"
    result = run_child(make_work(tmp_path, {"custom/run.py": returns})).result
    assert (result["status"], result["outputs"]) == ("failed", [])
    assert "put large values into files" in result["error"]["message"]
    asks = f"{LOWER_LIMIT}from penstock.session import ask\n@custom\ndef run():\n    ask('secret', 'x' * 5000)\n"
    error = run_child(make_work(tmp_path, {"custom/run.py": asks})).result["error"]
    assert error["type"] == "FrameTooLarge"


def test_the_name_of_an_error_s_type_is_cut(tmp_path):
    source = "@custom\ndef run():\n    raise type('x' * 100_000, (Exception,), {})('m')\n"
    error = run_child(make_work(tmp_path, {"custom/run.py": source})).result["error"]
    assert len(error["type"]) < 1000


def test_trigger_pipeline_waits_and_fails_when_told(tmp_path):
    source = (
        "from mage_ai.orchestration.triggers.api import trigger_pipeline\n"
        "@custom\n"
        "def run():\n"
        "    options = dict(check_status=True, error_on_failure=True, poll_interval=0)\n"
        "    run = trigger_pipeline('other', variables={'a': 1}, **options)\n"
        "    return run.status\n"
    )
    states = iter(["running", "completed"])

    def answer(what, args):
        if what == "trigger_pipeline":
            assert args == {"pipeline": "other", "variables": {"a": 1}, "trigger_name": None}
            return {"id": "7", "status": "running"}
        assert (what, args) == ("run_status", {"run_id": "7"})
        return {"id": "7", "status": next(states)}

    run = run_child(make_work(tmp_path, {"custom/run.py": source}), answer=answer)
    assert run.result["outputs"][0]["inline"] == "completed"
    states = iter(["failed"])
    run = run_child(make_work(tmp_path, {"custom/run.py": source}), answer=answer)
    assert "run 7 of other is failed" in run.result["error"]["message"]


def test_async_functions_and_dataclasses_work(tmp_path):
    source = (
        "from __future__ import annotations\n"
        "from dataclasses import asdict, dataclass\n"
        "@dataclass\n"
        "class P:\n"
        "    x: int\n"
        "@custom\n"
        "async def run():\n"
        "    return asdict(P(4))\n"
    )
    assert run_child(make_work(tmp_path, {"custom/run.py": source})).result["outputs"][0]["inline"] == {"x": 4}


def test_importing_another_block_s_module_does_not_add_its_functions(tmp_path):
    files = {
        "custom/run.py": "from custom.other import answer\n@custom\ndef run():\n    return answer()\n",
        "custom/other.py": "from penstock import custom\n@custom\ndef answer():\n    return 42\n",
    }
    assert run_child(make_work(tmp_path, files)).result["outputs"][0]["inline"] == 42


def test_decorators_can_be_imported_from_the_sdk(tmp_path):
    source = (
        "from penstock import data_loader, test\n"
        "@data_loader\n"
        "def run(): return 3\n"
        "@test\n"
        "def is_three(x): assert x == 3\n"
    )
    result = run_child(make_work(tmp_path, {"data_loaders/run.py": source})).result
    assert result["outputs"][0]["inline"] == 3
    assert len(result["tests"]) == 1
