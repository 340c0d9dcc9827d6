from __future__ import annotations

import json
from pathlib import Path

import pytest

from penstock.mage_hook import SUPPORTED
from penstock_runtime.domain.blocks import ExecutorType
from penstock_runtime.project.mage_names import EXPORTS
from penstock_runtime.project.pipeline_reader import read_pipeline
from penstock_runtime.project.problems import Problem, Severity
from penstock_runtime.project.project import Installation, open_project
from penstock_runtime.project.validation import validate

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = ROOT / "tests" / "support" / "projects"
EXPECTED = json.loads((PROJECTS / "unsupported" / "expected_problems.json").read_text())
# The words of the expectations, and ours.
CODES = {
    "syntax_error": "python-syntax",
    "unsupported_import": "unsupported-import",
    "bad_cron": "bad-cron",
    "duplicate_trigger": "duplicate-name",
    "invalid_value": "wrong-value",
    "invalid_yaml": {"bad-yaml", "wrong-type"},
    "cycle": "cycle",
    "global_data_product": "unsupported",
    "dbt_block": "unsupported",
    "missing_file": "missing-file",
    "unknown_upstream": "unknown-block",
    "unknown_executor": "unknown-executor",
    "r_block": "unsupported",
    "streaming_pipeline": "unsupported",
    "integration_pipeline": "unsupported",
    "duplicate_block": "duplicate-name",
    "executor_mismatch": "executor-differs",
    "unknown_key": "unknown-key",
}


@pytest.fixture(scope="module")
def problems() -> list[Problem]:
    return validate(PROJECTS / "unsupported")


@pytest.mark.parametrize("expected", EXPECTED["problems"], ids=lambda item: f"{item['file']}:{item['line']}")
def test_each_problem_is_named_with_its_place_and_a_remedy(problems: list[Problem], expected: dict):
    code = CODES[expected["code"]]
    found = [
        problem
        for problem in problems
        if problem.file == expected["file"]
        and expected["line"] <= problem.line <= expected["line_end"]
        and problem.code in ({code} if isinstance(code, str) else code)
        and all(text in str(problem) for text in expected["mentions"])
    ]
    assert found, f"{expected['about']}: not among {[str(p) for p in problems if p.file == expected['file']]}"
    assert all(problem.severity is Severity.ERROR and problem.remedy for problem in found)


@pytest.mark.parametrize("file", EXPECTED["clean"])
def test_a_good_pipeline_beside_broken_ones_has_no_problem(problems: list[Problem], file: str):
    assert [str(problem) for problem in problems if problem.file == file] == []
    plan = read_pipeline(open_project(PROJECTS / "unsupported"), file.split("/")[1]).plan
    assert plan.problems == ()


def test_nothing_else_is_called_an_error(problems: list[Problem]):
    named = {item["file"] for item in EXPECTED["problems"]}
    assert {problem.file for problem in problems if problem.severity is Severity.ERROR} <= named


@pytest.mark.parametrize("project", ["etl_sql", "dynamic_fanout", "control_flow"])
def test_unedited_projects_have_no_problem(project: str):
    # Mage writes these keys into every project; that nothing acts on them is said, and stops nobody.
    silent = {"without-effect", "notice-off"}
    found = [problem for problem in validate(PROJECTS / project) if problem.code not in silent]
    assert [str(problem) for problem in found] == []


def test_the_demo_has_no_problem():
    assert [str(problem) for problem in validate(ROOT / "runtime" / "demo")] == []


def test_the_supported_imports_are_those_that_the_sdk_answers():
    answered = {
        f"mage_ai.{module}": {name for names in homes.values() for name in names.split()}
        for module, homes in SUPPORTED.items()
    }
    assert {module: set(names) for module, names in EXPORTS.items()} == {"mage_ai": set(), **answered}


class Folder:
    """A project under construction, valid until a test writes something else over it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("metadata.yaml", "project_type: standalone\n")
        self.write("io_config.yaml", "version: 0.1.1\ndefault:\n  DUCKDB_DATABASE: ':memory:'\n")
        self.write("data_loaders/load.py", "@data_loader\ndef load(*args, **kwargs):\n    return 1\n")

    def write(self, path: str, text: str) -> None:
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def pipeline(self, text: str) -> None:
        self.write("pipelines/p/metadata.yaml", text)

    def found(self, **installation: object) -> list[tuple[str, int, str]]:
        return [(item.code, item.line, str(item)) for item in validate(self.root, Installation(**installation))]

    def codes(self, **installation: object) -> list[str]:
        return [code for code, _, _ in self.found(**installation)]


LOAD = "blocks:\n- uuid: load\n  type: data_loader\n"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_minimal_pipeline_is_fine(folder: Folder):
    folder.pipeline(LOAD)
    assert folder.found() == []


@pytest.mark.parametrize(
    ("text", "code", "line", "mentions"),
    [
        (LOAD + "typo_key: 1\nretry_confg: {}\n", "unknown-key", 5, "retry_config"),
        (LOAD + "  retries: 3\n", "unknown-key", 4, "retry_config"),
        (LOAD + "  upstream_blocks: load\n", "wrong-type", 4, "upstream_blocks"),
        (LOAD + "  upstream_blocks: [load]\n", "cycle", 4, "load -> load"),
        (LOAD + "  timeout: -5\n", "wrong-value", 4, "timeout"),
        (LOAD + "  executor_type: kubernetes\n", "unknown-executor", 4, "kubernetes"),
        (LOAD + "  executor_type: \"{{ env_var('NOT_SET') }}\"\n", "template", 4, "NOT_SET"),
        (LOAD + "  executor_config:\n    resource_limits:\n      memory: plenty\n", "wrong-value", 4, "plenty"),
        (LOAD + "  configuration: fast\n", "wrong-type", 4, "configuration"),
        (LOAD + "  color: teal\n  color: pink\n", "duplicate-key", 5, "color"),
        (LOAD + "  global_data_product: {uuid: x}\n", "unsupported", 4, "global data products"),
        (LOAD + "concurrency_config: {block_run_limit: 0}\n", "wrong-value", 4, "block_run_limit"),
        (LOAD + "concurrency_config: {on_pipeline_run_limit_reached: panic}\n", "wrong-value", 4, "panic"),
        (LOAD + "variables: [1]\n", "wrong-type", 4, "variables"),
        ("blocks:\n- uuid: load\n  type: data_lodaer\n", "unknown-type", 3, "data_loader"),
        ("blocks:\n- type: data_loader\n", "bad-name", 2, "uuid"),
        ("blocks:\n- uuid: ../../etc/passwd\n  type: data_loader\n", "bad-name", 2, "passwd"),
        ("blocks:\n- uuid: load\n  type: callback\n", "wrong-section", 3, "callbacks"),
        ("blocks:\n- load\n", "wrong-type", 2, "not a block"),
        ("blocks: load\n", "wrong-type", 1, "not a list"),
        ("type: pyton\nblocks: []\n", "unknown-type", 1, "python"),
        (LOAD + "callbacks:\n- uuid: load\n  type: callback\n", "duplicate-name", 5, "first on line 2"),
        ("? [a, b]\n: 1\n", "bad-yaml", 1, "cannot be read"),
        ("name: 2023-13-45\n", "bad-yaml", 1, "cannot be read"),
    ],
)
def test_a_problem_of_a_pipeline(folder: Folder, text: str, code: str, line: int, mentions: str):
    folder.pipeline(text)
    found = folder.found()
    assert any(item[0] == code and item[1] == line and mentions in item[2] for item in found), found
    plan = read_pipeline(open_project(folder.root), "p").plan
    assert any(mentions in problem for problem in plan.problems)


def test_all_problems_come_at_once(folder: Folder):
    folder.pipeline(
        "retry_confg: {}\nblocks:\n- uuid: load\n  type: data_loader\n  upstream_blocks: [ghost]\n"
        "- uuid: lost\n  type: transformer\n"
    )
    folder.write("pipelines/p/triggers.yaml", "triggers:\n- name: t\n  schedule_interval: bad\n")
    folder.write("pipelines/q/metadata.yaml", "blocks: [")
    assert folder.codes() == ["unknown-key", "unknown-block", "missing-file", "bad-cron", "bad-yaml"]


def test_editors_bookkeeping_and_empty_values_are_no_problem(folder: Folder):
    folder.pipeline(
        LOAD + "  all_upstream_blocks_executed: true\n  status: executed\n  groups: []\n  executor_type: local_python\n"
        "  has_callback: false\n  retry_config:\n  timeout:\n  extension_uuid:\n"
        "callbacks: []\nconditionals: []\ncreated_at: '2024-01-01'\ndata_integration:\nextensions: {}\nwidgets: []\n"
        "executor_count: 1\nexecutor_config: {}\nspark_config: {}\nsettings:\n  triggers:\n"
        "name: p\ntype: python\nuuid: p\n"
    )
    assert folder.found() == []


class TestPython:
    @pytest.mark.parametrize(
        ("text", "code", "line"),
        [
            ("def f(:\n", "python-syntax", 1),
            ("x = 1\n\n\n  y = 2\n", "python-syntax", 4),
            ("import os\n\ndef load():\n    pass\n", "no-decorator", 1),
            ("from mage_ai.streaming.sources import base\n@data_loader\ndef f(): ...\n", "unsupported-import", 1),
            ("from mage_ai.io import mongodb\n@data_loader\ndef f(): ...\n", "unsupported-import", 1),
            ("from mage_ai.io.postgres import Oracle\n@data_loader\ndef f(): ...\n", "unsupported-import", 1),
            ("import mage_ai.server\n@data_loader\ndef f(): ...\n", "unsupported-import", 1),
            ("@data_loader\ndef f():\n    config_profile = 'nowhere'\n", "unknown-profile", 3),
        ],
    )
    def test_a_problem_of_a_file(self, folder: Folder, text: str, code: str, line: int):
        folder.pipeline(LOAD)
        folder.write("data_loaders/load.py", text)
        assert [(item[0], item[1]) for item in folder.found()] == [(code, line)]

    @pytest.mark.parametrize(
        "text",
        [
            "from mage_ai.io.file import FileIO\n@data_loader\ndef f(): ...\n",
            "from mage_ai.io import postgres\n@data_loader\ndef f(): ...\n",
            "from mage_ai.data_preparation.decorators import *\n@data_loader\ndef f(): ...\n",
            "import penstock\n@penstock.data_loader\ndef f(): ...\n",
            "@data_loader()\nasync def f(): ...\n",
            "@data_loader\ndef f():\n    config_profile = 'default'\n    return '\\d'\n",
        ],
    )
    def test_a_file_without_one(self, folder: Folder, text: str):
        folder.pipeline(LOAD)
        folder.write("data_loaders/load.py", text)
        assert folder.found() == []

    def test_a_file_that_two_pipelines_share_is_named_once(self, folder: Folder):
        folder.pipeline(LOAD)
        folder.write("pipelines/q/metadata.yaml", LOAD)
        folder.write("data_loaders/load.py", "def f(:\n")
        assert folder.codes() == ["python-syntax"]
        for slug in ("p", "q"):
            assert read_pipeline(open_project(folder.root), slug).plan.problems

    @pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"x = '\x00'\n", b"(" * 50_000])
    def test_a_file_that_is_no_source_stops_its_pipeline_only(self, folder: Folder, data: bytes):
        folder.pipeline(LOAD)
        folder.write("pipelines/q/metadata.yaml", "blocks: []\n")
        (folder.root / "data_loaders/load.py").write_bytes(data)
        assert folder.codes()[0] in ("python-syntax", "unreadable-file")
        assert read_pipeline(open_project(folder.root), "q").plan.problems == ()


class TestSql:
    SQL = "blocks:\n- uuid: q\n  type: data_loader\n  language: sql\n"

    @pytest.mark.parametrize(
        ("configuration", "codes"),
        [
            ("  configuration: {data_provider: duckdb}\n", []),
            ("  configuration: {data_provider: duckdb, data_provider_profile: elsewhere}\n", ["unknown-profile"]),
            ("  configuration: {data_provider: bigquery}\n", ["unsupported"]),
            ("", ["no-provider"]),
            ("  configuration: {data_provider: sqlite, export_write_policy: overwrite}\n", ["wrong-value"]),
        ],
    )
    def test_its_connection_is_checked(self, folder: Folder, configuration: str, codes: list[str]):
        folder.write("data_loaders/q.sql", "SELECT 1")
        folder.pipeline(self.SQL + configuration)
        assert folder.codes() == codes


def test_executors_that_cannot_be_started_here_are_named(folder: Folder):
    folder.pipeline(LOAD + "  executor_type: k8s\n")
    here = frozenset({ExecutorType.LOCAL_PYTHON})
    found = folder.found(executors=here)
    assert [(code, line) for code, line, _ in found] == [("executor-unavailable", 4)]
    assert "local_python" in found[0][2]
    assert folder.found(executors=here | {ExecutorType.K8S}) == []
    folder.pipeline(LOAD + "  executor_type: local_python_force\n")
    assert folder.found(executors=here) == []


def test_a_broken_project_file_is_named_and_nothing_is_raised(folder: Folder):
    folder.pipeline(LOAD)
    folder.write("metadata.yaml", "retry_config: [\n")
    assert folder.codes() == ["bad-yaml"]
    assert read_pipeline(open_project(folder.root), "p").plan.problems
    folder.write("metadata.yaml", "retry_confg: {}\n")
    found = validate(folder.root)
    assert [(item.code, item.severity) for item in found] == [("unknown-key", Severity.WARNING)]
    assert read_pipeline(open_project(folder.root), "p").plan.problems == ()


def test_a_folder_that_is_no_project(tmp_path: Path):
    assert [item.code for item in validate(tmp_path)] == ["missing-file"]


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside.py"])
def test_a_link_that_leaves_the_project_is_refused(folder: Folder, target: str, tmp_path: Path):
    folder.pipeline(LOAD)
    (tmp_path.parent / "outside.py").write_text("@data_loader\ndef f(): ...\n")
    path = folder.root / "data_loaders/load.py"
    path.unlink()
    path.symlink_to(target if target.startswith("/") else tmp_path.parent / "outside.py")
    found = folder.found()
    assert [code for code, _, _ in found] == ["unreadable-file"]
    assert "leads out of the project" in found[0][2]


def test_a_file_path_that_leaves_the_project_is_refused(folder: Folder):
    folder.pipeline(LOAD + "  configuration: {file_path: ../../../etc/hostname}\n")
    assert folder.codes() == ["unreadable-file"]


def test_known_keys_that_nothing_acts_on_are_said_and_stop_nobody(tmp_path):
    folder = tmp_path / "pipelines" / "p"
    folder.mkdir(parents=True)
    (tmp_path / "metadata.yaml").write_text("queue_config:\n  concurrency: 3\ncache_block_output_in_memory: false\n")
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "a.py").write_text("@custom\ndef a(*args, **kwargs):\n    return 1\n")
    block = "- {uuid: a, name: a, type: custom, language: python, upstream_blocks: [], downstream_blocks: []}"
    (folder / "metadata.yaml").write_text(
        f"uuid: p\nname: p\ntype: python\ncache_block_output_in_memory: true\nblocks:\n{block}\n"
    )
    found = {(one.file, one.line, one.severity.value) for one in validate(tmp_path) if one.code == "without-effect"}
    assert found == {("metadata.yaml", 1, "warning"), ("pipelines/p/metadata.yaml", 4, "warning")}
