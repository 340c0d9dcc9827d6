"""Three projects in Mage's format, unedited, through the server and from the command line."""

from __future__ import annotations

import shutil

import psycopg
import pytest

from support.expectations import SECRETS, Case, cases_of, copy_project, postgres_variables, wrong_with
from support.installation import Installation, installed
from support.waiting import wait_until

WAITS = "waiting: without the file"


def on_server(project: str) -> list[Case]:
    return [case for case in cases_of(project) if case.id != WAITS]


@pytest.fixture(scope="module")
def control_flow(tmp_path_factory):
    home = tmp_path_factory.mktemp("control")
    with installed(home, copy_project("control_flow", home)) as running:
        for name, value in SECRETS.items():
            assert running.ask("PUT", f"/secrets/{name}", json={"value": value}).is_success
        yield running


@pytest.fixture(scope="module")
def dynamic_fanout(tmp_path_factory):
    home = tmp_path_factory.mktemp("dynamic")
    with installed(home, copy_project("dynamic_fanout", home)) as running:
        yield running


@pytest.fixture
def etl_sql(tmp_path, postgres_url):
    with installed(tmp_path, copy_project("etl_sql", tmp_path), environ=shop(tmp_path, postgres_url)) as running:
        yield running


def shop(home, postgres_url) -> dict[str, str]:
    return {
        "SHOP_DUCKDB": str(home / "shop.duckdb"),
        "SHOP_SQLITE": str(home / "shop.sqlite"),
        **postgres_variables(postgres_url),
    }


def run_case(penstock: Installation, case: Case) -> list[str]:
    """Run a case from a clean output folder; return what is not as expected."""
    shutil.rmtree(penstock.project / "output", ignore_errors=True)
    for name, text in case.given.get("given", {}).items():
        (penstock.project / name).write_text(text)
    logical = {"logical_at": case.given["execution_date"]} if "execution_date" in case.given else {}
    run = penstock.run(case.pipeline, case.given.get("variables"), **logical)
    penstock.wait(run)
    return wrong_with(penstock, run, case.given)


@pytest.mark.parametrize("case", on_server("control_flow"), ids=lambda case: case.id)
def test_control_flow(control_flow, case):
    assert run_case(control_flow, case) == []


@pytest.mark.parametrize("case", on_server("dynamic_fanout"), ids=lambda case: case.id)
def test_dynamic_fanout(dynamic_fanout, case):
    assert run_case(dynamic_fanout, case) == []


def test_etl_sql_on_duckdb_sqlite_and_postgres(etl_sql, postgres_url):
    cases = cases_of("etl_sql")
    assert {case.pipeline: run_case(etl_sql, case) for case in cases} == {case.pipeline: [] for case in cases}
    for case in cases:
        for query, rows in case.given.get("database", {}).items():
            if case.pipeline == "shop_postgres":
                assert rows_of_postgres(postgres_url, query) == rows
            else:
                assert rows_of_duckdb(etl_sql, query) == rows


def rows_of_postgres(url, query):
    with psycopg.connect(url) as connection:
        return [list(row) for row in connection.execute(query)]


def rows_of_duckdb(penstock, query):
    import duckdb

    with duckdb.connect(penstock.environ["SHOP_DUCKDB"], read_only=True) as connection:
        return [list(row) for row in connection.execute(query).fetchall()]


def test_a_sensor_without_its_file_stays_deferred_and_can_be_cancelled(control_flow):
    (control_flow.project / "ready").unlink(missing_ok=True)
    run = control_flow.run("waiting")
    wait_until(lambda: control_flow.block(run, "wait_for_file")["status"] == "deferred", 20)
    (case,) = (one for one in cases_of("control_flow") if one.id == WAITS)
    assert wrong_with(control_flow, run, case.given) == []
    control_flow.post(f"/runs/{run}/cancel")
    control_flow.wait(run, "cancelled")


def test_triggers_are_read_and_shown(control_flow):
    (case, *_) = (one for one in cases_of("control_flow") if one.pipeline == "settings")
    found = {one["name"]: one for one in control_flow.get("/triggers", pipeline="settings")["items"]}
    assert set(found) == {one["name"] for one in case.given["triggers"]}
    for wanted in case.given["triggers"]:
        one = found[wanted["name"]]
        assert (one["kind"], one["active"]) == (wanted["kind"], wanted["active"])
        assert one["settings"].get("schedule_interval") == wanted.get("schedule")


def test_the_same_projects_on_postgres(tmp_path, postgres_url):
    """The engine's database is Postgres here; what the blocks see is the same."""
    environ = {"DATABASE_URL": postgres_url}
    with installed(tmp_path, copy_project("dynamic_fanout", tmp_path), environ=environ) as running:
        cases = on_server("dynamic_fanout")
        assert {case.id: run_case(running, case) for case in cases} == {case.id: [] for case in cases}


@pytest.mark.parametrize(
    ("project", "pipeline", "variables", "code"),
    [
        ("control_flow", "matrix", {"pill": "blue"}, 0),
        ("control_flow", "one_process", {}, 0),
        ("control_flow", "failing", {}, 1),
        ("dynamic_fanout", "users_fanout", {}, 0),
        ("etl_sql", "shop_sqlite", {}, 0),
    ],
)
def test_from_the_command_line(tmp_path, project, pipeline, variables, code):
    folder = copy_project(project, tmp_path)
    penstock = Installation(tmp_path, folder, environ={"SHOP_SQLITE": str(tmp_path / "shop.sqlite")})
    words = [word for name, value in variables.items() for word in ("--var", f"{name}={value}")]
    said = penstock.cli("run", str(folder), pipeline, *words, "--json")
    assert said.code == code, said.err + said.out
    case = next(
        one for one in cases_of(project) if one.pipeline == pipeline and one.given.get("variables", {}) == variables
    )
    statuses = {block["slug"]: block["status"] for block in said.json["blocks"]}
    wanted = {slug: block["status"] for slug, block in case.given["blocks"].items() if "status" in block}
    assert {slug: statuses[slug] for slug in wanted} == wanted
    for path, text in case.given.get("files", {}).items():
        assert (folder / path).read_text() == text
    penstock.assert_all_gone()
