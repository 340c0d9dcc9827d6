"""Every command that prints, as a program sees it: JSON on standard output, words for people on standard error."""

from __future__ import annotations

import json
import shutil

import httpx
import pytest
from cryptography.fernet import Fernet

from support.expectations import PROJECTS
from support.installation import Installation, installed
from support.project_maker import ProjectMaker

GOOD, BAD_ANSWER, ASKED_WRONG = 0, 1, 2


@pytest.fixture(scope="module")
def maker(tmp_path_factory):
    maker = ProjectMaker(tmp_path_factory.mktemp("commands"))
    maker.pipeline("good", variables={"word": "x"}).block("say", "value = kwargs['word']").block(
        "next", "value = args[0]", ["say"]
    ).write()
    maker.pipeline("bad").block("it", "raise ValueError('no good')").write()
    return maker


@pytest.fixture(scope="module")
def penstock(maker) -> Installation:
    """A project on which no server runs."""
    return Installation(maker.folder.parent, maker.folder)


def test_init_lists_what_it_made_and_refuses_a_folder_that_holds_something(penstock):
    said = penstock.cli("init", "fresh", "--json")
    assert said.code == GOOD
    assert "metadata.yaml" in said.json["files"]
    again = penstock.cli("init", "fresh", "--json")
    assert (again.code, again.out) == (BAD_ANSWER, "")
    assert "fresh" in again.err
    assert penstock.cli("validate", "fresh", "--json").json == {"problems": []}


def test_run_says_how_each_block_ended(penstock):
    said = penstock.cli("run", str(penstock.project), "good", "--var", "word=[1, 2]", "--json")
    assert said.code == GOOD, said.err
    assert (said.json["status"], said.json["error"]) == ("succeeded", None)
    assert {one["slug"]: (one["status"], one["attempts"]) for one in said.json["blocks"]} == {
        "good_say": ("succeeded", 1),
        "good_next": ("succeeded", 1),
    }
    penstock.assert_all_gone()


def test_run_of_a_failing_pipeline_exits_1_and_says_why(penstock):
    said = penstock.cli("run", str(penstock.project), "bad", "--json")
    assert said.code == BAD_ANSWER
    assert "no good" in said.json["error"]
    plain = penstock.cli("run", str(penstock.project), "bad")
    assert plain.code == BAD_ANSWER
    assert "no good" in plain.out + plain.err
    penstock.assert_all_gone()


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["run", "PROJECT", "nowhere"], "nowhere"),
        (["run", "PROJECT", "good", "--var", "no-equals-sign"], "name=value"),
        (["run", "not-there", "good"], "not-there"),
        (["start", "not-there"], "not-there"),
        (["frobnicate"], "frobnicate"),
        (["user", "create", "x", "--role", "emperor"], "emperor"),
    ],
)
def test_what_cannot_be_asked_exits_2_and_names_it(penstock, words, names):
    said = penstock.cli(*[str(penstock.project) if word == "PROJECT" else word for word in words])
    assert said.code == ASKED_WRONG
    assert names in said.err
    assert "Traceback" not in said.err


def test_a_wrong_setting_names_itself_and_what_is_allowed(penstock):
    said = penstock.cli("run", str(penstock.project), "good", environ={"PENSTOCK_SLOTS": "many"})
    assert said.code != GOOD
    assert "PENSTOCK_SLOTS" in said.err
    assert "whole number" in said.err
    near = penstock.cli("doctor", "--project", str(penstock.project), "--json", environ={"PENSTOCK_SLOT": "3"})
    assert "PENSTOCK_SLOTS" in near.out + near.err


def test_keys_users_database_and_doctor_speak_json(penstock):
    here = ["--project", str(penstock.project), "--json"]
    key = penstock.cli("api-key", "create", "robot", "--role", "viewer", *here)
    assert (key.code, key.json["role"]) == (GOOD, "viewer")
    assert len(key.json["key"]) > 20
    user = penstock.cli("user", "create", "ada", "--role", "owner", *here)
    assert user.json["sign_in_link"].startswith("http")
    status = penstock.cli("db", "status", *here)
    assert (status.code, status.json["pending"]) == (GOOD, [])
    assert penstock.cli("db", "upgrade", *here).json == {"applied": []}
    doctor = penstock.cli("doctor", *here)
    assert {one["health"] for one in doctor.json["findings"]} <= {"good", "warning"}, doctor.out


def test_doctor_says_when_the_key_does_not_open_the_secrets_and_makes_none(maker, tmp_path):
    copied = tmp_path / "copied"
    shutil.copytree(maker.folder, copied, ignore=shutil.ignore_patterns(".penstock"))
    (tmp_path / "home").mkdir()
    with installed(tmp_path / "home", copied) as running:
        assert running.ask("PUT", "/secrets/TOKEN", json={"value": "v"}).is_success
        here = ["--project", str(copied), "--json"]

        def finding():
            findings = running.cli("doctor", *here).json["findings"]
            return next(one for one in findings if one["subject"] == "encryption key")

        assert (finding()["health"], "opens all 1" in finding()["message"]) == ("good", True)
        [key] = (running.home / "state" / "keys").iterdir()
        whole = key.read_text()
        key.unlink()
        assert (finding()["health"], str(key) in finding()["message"]) == ("bad", True)
        assert not key.exists()
        key.write_text(Fernet.generate_key().decode())
        assert (finding()["health"], "TOKEN" in finding()["message"]) == ("bad", True)
        key.write_text(whole)


def test_run_gives_its_run_to_the_server_that_works_on_the_project(maker):
    with installed(maker.folder.parent, maker.folder) as running:
        said = running.cli("run", str(maker.folder), "good", "--json")
        assert said.code == GOOD, said.err
        shown = running.get(f"/runs/{said.json['run_id']}")
        assert (shown["status"], shown["created_by"]) == ("succeeded", "penstock run")
        running.check_history(maker)


def test_a_viewer_may_look_and_nobody_else_may(maker):
    with installed(maker.folder.parent, maker.folder) as running:
        project = ["--project", str(maker.folder), "--json"]
        key = running.cli("api-key", "create", "looks", "--role", "viewer", *project).json["key"]
        base = str(running.client.base_url).rstrip("/")
        as_viewer = {"Authorization": f"Bearer {key}"}
        assert httpx.get(f"{base}/pipelines", headers=as_viewer).status_code == httpx.codes.OK
        assert httpx.post(f"{base}/pipelines/good/runs", headers=as_viewer).status_code == httpx.codes.FORBIDDEN
        assert httpx.get(f"{base}/pipelines").status_code == httpx.codes.UNAUTHORIZED


def test_validate_names_every_problem_of_the_unsupported_project(penstock, tmp_path):
    folder = tmp_path / "unsupported"
    shutil.copytree(PROJECTS / "unsupported", folder)
    expected = json.loads((folder / "expected_problems.json").read_text())
    (folder / "expected_problems.json").unlink()
    said = penstock.cli("validate", str(folder), "--json")
    assert said.code == BAD_ANSWER
    problems = said.json["problems"]

    def named(wanted) -> bool:
        return any(
            problem["file"] == wanted["file"]
            and wanted["line"] <= problem["line"] <= wanted["line_end"]
            and all(word in json.dumps(problem, ensure_ascii=False) for word in wanted["mentions"])
            for problem in problems
        )

    assert [wanted["about"] for wanted in expected["problems"] if not named(wanted)] == []
    assert [one for one in problems if one["file"] in expected["clean"]] == []
    plain = penstock.cli("validate", str(folder))
    assert plain.code == BAD_ANSWER
    for wanted in expected["problems"]:
        assert wanted["file"] in plain.out
    assert not (folder / ".penstock" / "artifacts").exists()


def test_the_demo_and_the_projects_of_mage_are_valid(penstock):
    for name in ("control_flow", "dynamic_fanout", "etl_sql"):
        said = penstock.cli("validate", str(PROJECTS / name), "--json")
        assert (said.code, [one for one in said.json["problems"] if one["severity"] == "error"]) == (GOOD, [])


def test_effective_names_the_source_of_each_key(penstock):
    said = penstock.cli("validate", str(penstock.project), "--effective", "--json")
    assert said.code == GOOD
    assert {(one["pipeline"], one["block"], one["executor"]) for one in said.json["executors"]} == {
        ("good", "good_say", "local_python"),
        ("good", "good_next", "local_python"),
        ("bad", "bad_it", "local_python"),
    }
