"""Whole pipelines in one process, and callbacks."""

from __future__ import annotations

import pytest

from penstock.pipeline_unit import wait_before
from support.child_harness import make_block, make_work, run_child


def run_pipeline(tmp_path, files, blocks, **fields):
    work = make_work(tmp_path, files, {}, unit="pipeline", blocks=blocks, **fields)
    return run_child(work)


def finished(run):
    return {
        (event["block"], event["map_index"]): event["result"]
        for event in run.events
        if event["event"] == "block_finished"
    }


def values(run):
    return {key: [o["inline"] for o in result["outputs"]] for key, result in finished(run).items()}


CHAIN = {
    "data_loaders/load.py": "@data_loader\ndef load(**kwargs):\n    print('loading')\n    return {'n': 2}\n",
    "transformers/double.py": "@transformer\ndef double(data, *args, **kwargs):\n    data['n'] *= 2\n    return data\n",
    "transformers/triple.py": "@transformer\ndef triple(data, *args, **kwargs):\n    data['n'] *= 3\n    return data\n",
    "data_exporters/save.py": "@data_exporter\ndef save(a, b, **kwargs):\n    print('saving', a['n'], b['n'])\n",
}
CHAIN_BLOCKS = [
    make_block("data_exporters/save.py", upstream_blocks=["double", "triple"]),
    make_block("transformers/triple.py", upstream_blocks=["load"]),
    make_block("transformers/double.py", upstream_blocks=["load"]),
    make_block("data_loaders/load.py"),
]


def test_blocks_run_in_order_with_their_own_data_and_log_lines(tmp_path):
    run = run_pipeline(tmp_path, CHAIN, CHAIN_BLOCKS)
    assert run.result["status"] == "succeeded"
    order = [(e["event"], e["block"]) for e in run.events if "block" in e]
    assert order[0] == ("block_started", "load")
    assert order[-1] == ("block_finished", "save")
    assert values(run)[("double", None)] == [{"n": 4}]
    assert values(run)[("triple", None)] == [{"n": 6}]
    lines = [(r["block"], r["message"]) for r in run.records]
    assert lines == [("load", "loading"), ("save", "saving 4 6")]


def test_a_report_that_no_frame_holds_is_the_block_s_failure(tmp_path):
    source = (
        "import penstock.channel\npenstock.channel.FRAME_LIMIT_BYTES = 4000\n"
        "@custom\ndef run():\n    return 'x' * 5000\n"
    )
    files = {"custom/big.py": source, "custom/after.py": "@custom\ndef run(value):\n    return 1\n"}
    blocks = [make_block("custom/big.py"), make_block("custom/after.py", upstream_blocks=["big"])]
    run = run_pipeline(tmp_path, files, blocks)
    assert run.result["status"] == "failed"
    ((key, result),) = finished(run).items()
    assert (key, result["status"]) == (("big", None), "failed")
    assert "put large values into files" in result["error"]["message"]


def test_blocks_of_one_level_run_at_the_same_time(tmp_path):
    meet = "import threading, sys\nsys.meeting = getattr(sys, 'meeting', None) or threading.Barrier(2)\n"
    source = meet + "@custom\ndef run(*args):\n    print('here')\n    return sys.meeting.wait(20) in (0, 1)\n"
    files = {
        "custom/first.py": "import sys, threading\n@custom\ndef run():\n    sys.meeting = threading.Barrier(2)\n",
        "custom/left.py": source,
        "custom/right.py": source,
    }
    blocks = [
        make_block("custom/first.py"),
        make_block("custom/left.py", upstream_blocks=["first"]),
        make_block("custom/right.py", upstream_blocks=["first"]),
    ]
    run = run_pipeline(tmp_path, files, blocks)
    assert run.result["status"] == "succeeded"
    assert {r["block"] for r in run.records} == {"left", "right"}


def test_a_failure_stops_what_needs_it_and_nothing_else(tmp_path):
    files = {
        "custom/bad.py": "@custom\ndef run():\n    raise ValueError('broken')\n",
        "custom/after.py": "@custom\ndef run(x):\n    return 1\n",
        "custom/apart.py": "@custom\ndef run():\n    return 2\n",
    }
    blocks = [
        make_block("custom/bad.py"),
        make_block("custom/after.py", upstream_blocks=["bad"]),
        make_block("custom/apart.py"),
    ]
    run = run_pipeline(tmp_path, files, blocks)
    assert run.result["status"] == "failed"
    assert run.result["error"]["message"] == "block 'bad' failed: broken"
    assert "custom/bad.py" in run.result["error"]["traceback"]
    assert set(finished(run)) == {("bad", None), ("apart", None)}
    assert values(run)[("apart", None)] == [2]


def test_it_goes_on_from_the_blocks_without_a_result(tmp_path):
    first = run_pipeline(tmp_path, CHAIN, CHAIN_BLOCKS)
    done = {slug: result["outputs"] for (slug, _), result in finished(first).items() if slug in ("load", "double")}
    second = run_pipeline(tmp_path, CHAIN, CHAIN_BLOCKS, results=done)
    assert set(finished(second)) == {("triple", None), ("save", None)}
    assert [r["message"] for r in second.records] == ["saving 4 6"]


FAN = {
    "data_loaders/users.py": "@data_loader\ndef load(*args, **kwargs):\n    users = [dict(id=i) for i in range(3)]\n"
    "    return [users, [dict(block_uuid=f'user_{u[\"id\"]}') for u in users]]\n",
    "transformers/name.py": "@transformer\ndef name(data, *args, **kwargs):\n"
    "    return [{**data, 'name': kwargs['block_uuid'], 'index': kwargs['dynamic_block_index']}]\n",
    "transformers/shout.py": "@transformer\ndef shout(data, *args, **kwargs):\n    return [data['name'].upper()]\n",
    "data_exporters/save.py": "@data_exporter\ndef save(rows, **kwargs):\n    return {'rows': rows}\n",
}


def fan_blocks():
    return [
        make_block("data_loaders/users.py", dynamic=True),
        make_block("transformers/name.py", upstream_blocks=["users"]),
        make_block("transformers/shout.py", upstream_blocks=["name"], reduce_output=True),
        make_block("data_exporters/save.py", upstream_blocks=["shout"]),
    ]


def test_dynamic_blocks_fan_out_and_reduce(tmp_path):
    run = run_pipeline(tmp_path, FAN, fan_blocks())
    assert run.result["error"] is None
    assert finished(run)[("users", None)]["fan_out"] == 3
    assert values(run)[("name", 1)] == [{"id": 1, "name": "user_1", "index": 1}]
    assert values(run)[("shout", 2)] == ["USER_2"]
    assert values(run)[("save", None)] == [{"rows": ["USER_0", "USER_1", "USER_2"]}]


@pytest.mark.parametrize(("returned", "rows"), [("[]", []), ("[[7]]", [8])])
def test_fan_out_of_none_and_of_one_still_reduce_to_a_list(tmp_path, returned, rows):
    files = {
        "custom/items.py": f"@custom\ndef items():\n    return {returned}\n",
        "custom/one.py": "@custom\ndef one(x):\n    return x + 1\n",
        "custom/all.py": "@custom\ndef all_(xs):\n    return {'rows': xs}\n",
    }
    blocks = [
        make_block("custom/items.py", dynamic=True),
        make_block("custom/one.py", upstream_blocks=["items"], reduce_output=True),
        make_block("custom/all.py", upstream_blocks=["one"]),
    ]
    run = run_pipeline(tmp_path, files, blocks)
    assert values(run)[("all", None)] == [{"rows": rows}]


def test_mapped_results_of_an_earlier_attempt_are_kept(tmp_path):
    first = finished(run_pipeline(tmp_path, FAN, fan_blocks()))
    results = {"users": first[("users", None)]["outputs"]}
    results["name"] = [{**o, "map_index": i} for i in (0, 2) for o in first[("name", i)]["outputs"]]
    run = run_pipeline(tmp_path, FAN, fan_blocks(), results=results)
    assert [key for key in finished(run) if key[0] == "name"] == [("name", 1)]
    assert values(run)[("save", None)] == [{"rows": ["USER_0", "USER_1", "USER_2"]}]


def test_conditions_skip_a_block_and_what_follows(tmp_path):
    files = {
        "custom/a.py": "@custom\ndef a():\n    return 1\n",
        "custom/b.py": "@custom\ndef b(x):\n    return 2\n",
        "custom/c.py": "@custom\ndef c(x):\n    return 3\n",
        "conditionals/never.py": "@condition\ndef never(*args, **kwargs):\n    return False\n",
    }
    blocks = [
        make_block("custom/a.py"),
        make_block("custom/b.py", upstream_blocks=["a"], conditionals=[make_block("conditionals/never.py")]),
        make_block("custom/c.py", upstream_blocks=["b"]),
    ]
    run = run_pipeline(tmp_path, files, blocks)
    assert run.result["status"] == "succeeded"
    assert {slug: r["status"] for (slug, _), r in finished(run).items()} == {
        "a": "succeeded",
        "b": "skipped",
        "c": "skipped",
    }


def test_a_sensor_that_says_no_defers_the_whole(tmp_path):
    files = {
        "sensors/wait.py": "@sensor\ndef wait(**kwargs):\n    return False\n",
        "custom/after.py": "@custom\ndef after(*args):\n    return 1\n",
        "custom/apart.py": "@custom\ndef apart():\n    return 2\n",
    }
    blocks = [
        make_block("sensors/wait.py"),
        make_block("custom/after.py", upstream_blocks=["wait"]),
        make_block("custom/apart.py"),
    ]
    run = run_pipeline(tmp_path, files, blocks)
    assert run.result["status"] == "deferred"
    assert finished(run)[("wait", None)]["status"] == "deferred"
    assert ("after", None) not in finished(run)
    assert values(run)[("apart", None)] == [2]


def test_retries_run_the_block_again_and_report_it_once(tmp_path):
    source = (
        "import os\n"
        "@custom\n"
        "def run():\n"
        "    with open('tries', 'a') as f: f.write('x')\n"
        "    if os.path.getsize('tries') < 3: raise OSError('not yet')\n"
        "    return os.path.getsize('tries')\n"
    )
    block = make_block("custom/run.py", retry={"retries": 3, "delay_seconds": 0})
    run = run_pipeline(tmp_path, {"custom/run.py": source}, [block])
    assert values(run)[("run", None)] == [3]
    assert [r["message"] for r in run.records] == ["try 1 failed: not yet", "try 2 failed: not yet"]
    assert [e["event"] for e in run.events] == ["started", "block_started", "block_finished", "finished"]


def test_waits_grow_to_their_limit():
    retry = {"exponential_backoff": True, "max_delay_seconds": 30}
    assert [wait_before(retry, n, 5.0) for n in (1, 2, 3, 4)] == [5.0, 10.0, 20.0, 30.0]
    assert [wait_before({}, n, 5.0) for n in (1, 2)] == [5.0, 5.0]


def test_graphs_that_cannot_run_are_refused(tmp_path):
    files = {"custom/a.py": "", "custom/b.py": ""}
    blocks = [make_block("custom/a.py", upstream_blocks=["b"]), make_block("custom/b.py", upstream_blocks=["a"])]
    assert "cycle" in run_pipeline(tmp_path, files, blocks).result["error"]["message"]


CALLBACK = """
if 'callback' not in globals():
    from mage_ai.data_preparation.decorators import callback


@callback('success')
def success_callback(parent_block_data, **kwargs):
    print('ok', parent_block_data, kwargs['block_uuid'], kwargs['pipeline_uuid'])


@callback
def by_keyword(**kwargs):
    print('input', kwargs['__input']['load'])


@callback('failure')
def failure_callback(parent_block_data, **kwargs):
    print('bad', parent_block_data, kwargs['__error'])
"""


@pytest.mark.parametrize(
    ("event", "error", "lines"),
    [("success", None, ["ok 5 tell sales", "input 5"]), ("failure", "it broke", ["bad None it broke"])],
)
def test_callbacks_of_an_event_run(tmp_path, event, error, lines):
    output = {"name": "output_0", "format": "json", "type": "json", "bytes": 1, "inline": 5, "file": None}
    outputs = [output] if event == "success" else []
    work = make_work(
        tmp_path,
        {"callbacks/tell.py": CALLBACK},
        unit="callback",
        callback={"event": event, "parent": "load", "error": error},
        inputs=[{"block": "load", "map_index": None, "outputs": outputs}],
    )
    run = run_child(work)
    assert run.result["status"] == "succeeded"
    assert run.lines == lines


def test_a_broken_callback_does_not_silence_the_next(tmp_path):
    source = "@callback\ndef one(data): raise ValueError('one')\n@callback\ndef two(data): print('two')\n"
    work = make_work(
        tmp_path,
        {"callbacks/tell.py": source},
        unit="callback",
        callback={"event": "success", "parent": "x", "error": None},
    )
    run = run_child(work)
    assert run.lines == ["two"]
    assert run.result["error"]["message"] == "one"


def test_callbacks_inside_a_pipeline_change_nothing(tmp_path):
    files = {
        "custom/a.py": "@custom\ndef a():\n    return 1\n",
        "callbacks/tell.py": "@callback\ndef one(data, **kwargs):\n"
        "    print('got', data)\n    raise ValueError('no')\n",
    }
    run = run_pipeline(tmp_path, files, [make_block("custom/a.py", callbacks=[make_block("callbacks/tell.py")])])
    assert run.result["status"] == "succeeded"
    assert [r["message"] for r in run.records] == ["got 1", "callback 'tell' failed: no"]


def test_the_printing_of_many_blocks_is_kept_apart(tmp_path):
    source = (
        "import sys\n"
        "@custom\n"
        "def run(**kwargs):\n"
        "    for n in range(200):\n"
        "        sys.stdout.write(f'{kwargs[\"block_uuid\"]} ')\n"
        "        sys.stdout.write(f'{n}\\n"
        "')\n"
        "    sys.stdout.write('end')\n"
    )
    names = ["a", "b", "c", "d"]
    files = {f"custom/{name}.py": source for name in names}
    run = run_pipeline(tmp_path, files, [make_block(path) for path in files])
    for name in names:
        lines = [r["message"] for r in run.records if r["block"] == name]
        assert lines == [f"{name} {n}" for n in range(200)] + ["end"]
    assert run.lines == []
