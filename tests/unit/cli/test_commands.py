"""Commands: what they pass on, what they print, how they end. The composition root is scripted."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import UTC, datetime
from types import ModuleType

import pytest

from penstock_runtime.bootstrap.snapshots import (
    CreatedApiKey,
    CreatedUser,
    DatabaseStatus,
    Finding,
    Health,
    RunSnapshot,
    ServeOptions,
)
from penstock_runtime.cli import main as entry
from penstock_runtime.domain.errors import PipelineInvalid, PipelineNotFound, StoreUnavailable
from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.project.problems import Problem, Severity


@pytest.fixture
def fake_root(monkeypatch):
    """Put scripted modules in the place of those that commands call."""

    def put(module: str, **functions):
        name = f"penstock_runtime.{module}"
        made = ModuleType(name)
        for function, answer in functions.items():
            setattr(made, function, answer)
        monkeypatch.setitem(sys.modules, name, made)
        monkeypatch.setattr(name, made, raising=False)

    return put


@pytest.fixture
def penstock(monkeypatch, capsys):
    """Run a command line; return (exit code, standard output, standard error)."""
    monkeypatch.setattr(entry, "make_non_dumpable", lambda: None)  # this process is pytest's

    def run(*words: str):
        monkeypatch.setattr(sys, "argv", ["penstock", *words])
        with pytest.raises(SystemExit) as ended:
            entry.main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


def no_executors(_folder):
    return []


def ended_run(status: RunStatus) -> RunSnapshot:
    return RunSnapshot("r1", "sales", status, datetime(2024, 5, 1, tzinfo=UTC))


def fails(error):
    def function(*_args, **_kwargs):
        raise error

    return function


def test_start_passes_its_options_on_and_ends_as_the_server_did(fake_root, penstock, tmp_path):
    asked = []
    fake_root("server.main", serve=lambda options: asked.append(options) or 3)
    code, _, _ = penstock("start", str(tmp_path), "--port", "7000", "--role", "web")
    assert code == 3
    assert asked == [ServeOptions(tmp_path, None, 7000, "web_server")]


def test_a_role_and_an_instance_type_that_differ_are_refused(fake_root, penstock):
    fake_root("server.main", serve=lambda _options: 0)
    code, _, err = penstock("start", "--role", "web", "--instance-type", "scheduler")
    assert code == 2
    assert "contradict" in err


@pytest.mark.parametrize(
    ("status", "code"), [(RunStatus.SUCCEEDED, 0), (RunStatus.FAILED, 1), (RunStatus.CANCELLED, 1)]
)
def test_run_ends_as_the_run_did(fake_root, penstock, status, code):
    fake_root("bootstrap.foreground", run_pipeline=lambda *_args: iter([ended_run(status)]))
    found, out, _ = penstock("run", "shop", "sales", "--json")
    assert found == code
    assert json.loads(out)["status"] == status.value


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (PipelineNotFound("there is no pipeline 'x'"), 2),
        (PipelineInvalid("the pipeline cannot run"), 1),
        (StoreUnavailable("the database does not answer"), 1),
    ],
)
def test_errors_are_one_line_for_people_without_a_traceback(fake_root, penstock, error, code):
    fake_root("bootstrap.foreground", run_pipeline=fails(error))
    found, out, err = penstock("run", "shop", "x")
    assert (found, out, err) == (code, "", f"penstock: {error}\n")


def test_validate_names_each_problem_and_fails_for_errors_alone(fake_root, penstock):
    error = Problem("pipelines/a/metadata.yaml", 3, 1, "cycle", "a cycle", "cut it")
    warning = Problem("metadata.yaml", 1, 1, "unknown", "an unknown key", severity=Severity.WARNING)
    fake_root(
        "bootstrap.projects", validate_project=lambda _folder: [error, warning], effective_executors=lambda _folder: []
    )
    code, out, _ = penstock("validate", "shop")
    assert code == 1
    assert "error: pipelines/a/metadata.yaml:3: a cycle - cut it" in out
    assert out.endswith("1 errors, 1 warnings\n")
    fake_root("bootstrap.projects", validate_project=lambda _folder: [warning], effective_executors=no_executors)
    assert penstock("validate", "shop")[0] == 0


def test_a_password_comes_from_standard_input_alone(fake_root, penstock, monkeypatch):
    asked = []
    fake_root("bootstrap.accounts", create_user=lambda *args: asked.append(args) or CreatedUser("ada", "owner"))
    monkeypatch.setattr(sys, "stdin", io.StringIO("s3cret pass\n"))
    assert penstock("user", "create", "ada", "--role", "owner", "--password-stdin")[0] == 0
    assert asked == [(None, "ada", "owner", "s3cret pass")]


def test_a_key_is_the_only_line_of_standard_output(fake_root, penstock):
    fake_root("bootstrap.accounts", create_api_key=lambda *_args: CreatedApiKey("ci", "editor", "pk_1"))
    code, out, err = penstock("api-key", "create", "ci", "--role", "editor")
    assert (code, out) == (0, "pk_1\n")
    assert "not shown again" in err


def test_doctor_fails_when_something_is_bad(fake_root, penstock):
    fake_root("bootstrap.upkeep", examine=lambda _folder: [Finding("redis", Health.BAD, "does not answer", "start it")])
    code, out, _ = penstock("doctor")
    assert code == 1
    assert out == "bad  redis  does not answer — start it\n"


def test_db_status_names_what_is_pending(fake_root, penstock):
    fake_root("bootstrap.upkeep", database_status=lambda _folder: DatabaseStatus("sqlite:///x", None, ("0001",)))
    code, out, _ = penstock("db", "status")
    assert code == 0
    assert "to apply              0001" in out


def test_every_command_closes_itself_to_others_before_it_does_anything(fake_root, penstock, monkeypatch):
    done = []
    fake_root("bootstrap.upkeep", examine=lambda _folder: done.append("examine") or [])
    monkeypatch.setattr(entry, "make_non_dumpable", lambda: done.append("closed"))
    assert penstock("doctor")[0] == 0
    assert done == ["closed", "examine"]


def test_the_commands_load_neither_the_server_nor_rich():
    code = (
        "import sys; from penstock_runtime.cli.main import build_app; build_app();"
        "print([m for m in ('rich', 'fastapi', 'sqlalchemy', 'uvicorn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
