"""The bench's own arithmetic, and that what it writes is a project."""

from __future__ import annotations

import ast
import json

import pytest

from bench.floor import blocks_per_second, heavy_seconds, sqlite_commit
from bench.measures import BLOCKS, HEAVY, LIGHT, percentile, process_name, workloads
from bench.penstock import block_file, write_pipeline
from bench.report import met, rows, table


def test_percentiles_are_values_that_were_measured():
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert percentile(list(map(float, range(1, 21))), 0.95) == 19.0
    assert percentile([7.0], 0.95) == 7.0


def test_an_aim_is_a_bound_from_its_own_side():
    assert met("b3.seconds", 0.5) is True
    assert met("b3.seconds", 0.51) is False
    assert met("b5.times_floor", 0.6) is True
    assert met("b5.times_floor", 0.4) is False
    assert met("b4.seconds", 9.0) is None


def test_a_missed_aim_is_said_in_the_table():
    assert rows({"b3": {"seconds": 0.75}}) == [("b3.seconds", "0.75", "at most 0.5  MISSED")]
    assert (
        table({"b3": {"seconds": 0.25}, "b4": {"seconds": 12.0}}) == "b3.seconds   0.25  at most 0.5\nb4.seconds  12.00"
    )


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (["/x/python", "-m", "penstock.runner", "--kind", "light", "--control-fd", "5"], "runner_light"),
        (["/x/python", "-m", "penstock_runtime.bootstrap.scheduler_main"], "scheduler_main"),
        (["/x/python", "/x/bin/penstock", "start"], "penstock"),
        ([], "ended"),
    ],
)
def test_processes_are_named_by_what_they_are(words, name):
    assert process_name(words) == name


def test_workloads_are_as_large_as_the_bench_says(tmp_path):
    sizes = {workload.name: len(workload.edges) for workload in workloads(tmp_path)}
    assert sizes == {"latency": 1, "chain": LIGHT, "wide": HEAVY, "short": BLOCKS, "killed": BLOCKS, "ticking": 1}


def test_every_block_of_a_workload_is_python_with_one_function(tmp_path):
    for workload in workloads(tmp_path):
        for name in workload.edges:
            tree = ast.parse(block_file(workload, name))
            assert [node.name for node in tree.body if isinstance(node, ast.FunctionDef)] == ["step"]


def test_edges_are_written_both_ways(tmp_path):
    chain = next(workload for workload in workloads(tmp_path) if workload.name == "chain")
    write_pipeline(tmp_path, chain)
    blocks = json.loads((tmp_path / "pipelines" / "chain" / "metadata.yaml").read_text())["blocks"]
    assert blocks[0]["downstream_blocks"] == [blocks[1]["uuid"]]
    assert blocks[1]["upstream_blocks"] == [blocks[0]["uuid"]]
    assert (tmp_path / "custom" / f"{blocks[0]['uuid']}.py").exists()


def test_the_floor_writes_and_commits_each_block(tmp_path):
    assert blocks_per_second(tmp_path, sqlite_commit(tmp_path), blocks=3) > 0
    assert sorted(path.name for path in tmp_path.glob("*.json")) == ["0.json", "1.json", "2.json"]


def test_heavy_work_runs_in_as_many_processes_as_asked(tmp_path):
    def work():
        with (tmp_path / "done").open("a") as file:
            file.write("x")

    heavy_seconds(work, 3)
    assert (tmp_path / "done").read_text() == "xxx"
