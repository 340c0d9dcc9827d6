from __future__ import annotations

from pathlib import Path

import pytest

from penstock_runtime.domain.blocks import BlockType, ExecutorType, PipelinePlan, RetryPolicy
from penstock_runtime.domain.errors import NotFound, PipelineNotFound
from penstock_runtime.project import graph
from penstock_runtime.project.bundles import BundleLibrary
from penstock_runtime.project.paths import pipeline_slugs
from penstock_runtime.project.pipeline_reader import read_pipeline
from penstock_runtime.project.plans import ProjectPlans
from penstock_runtime.project.project import Installation, open_project
from penstock_runtime.storage.memory_artifacts import InMemoryArtifactStore

ROOT = Path(__file__).resolve().parents[2]
PROJECTS = ROOT / "tests" / "support" / "projects"
DEMO = ROOT / "runtime" / "demo"


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def plan_of(root: Path, text: str, project: str = "", **installation: object) -> PipelinePlan:
    files = {"metadata.yaml": project, "pipelines/p/metadata.yaml": text}
    return read_pipeline(open_project(write(root, files), Installation(**installation)), "p").plan


class TestDemo:
    def test_the_graph(self):
        plan = read_pipeline(open_project(DEMO), "flight_delays").plan
        assert plan.problems == ()
        position = {block.slug: index for index, block in enumerate(plan.blocks)}
        assert all(position[up] < position[block.slug] for block in plan.blocks for up in block.upstream)
        join = plan.block("join_month")
        assert join.upstream == ("split_months", "load_weather", "load_planes", "load_airports")
        assert join.downstream == ("export_month", "count_month")
        assert plan.mapped_by == {
            "join_month": "split_months",
            "export_month": "join_month",
            "count_month": "join_month",
        }
        assert (plan.run_limit, plan.run_limit_per_trigger) == (None, 1)
        assert plan.variables["min_flights"] == 500
        assert plan.block("load_flights").path == "data_loaders/load_flights.py"

    def test_what_is_set_for_a_block(self):
        plan = read_pipeline(open_project(DEMO), "flight_delays").plan
        ranking = plan.block("airline_ranking")
        assert "{{ df_1 }}" in (ranking.sql or "")
        assert (ranking.language, ranking.configuration["data_provider"]) == ("sql", "duckdb")
        assert plan.block("split_months").dynamic
        assert plan.block("count_month").reduce_output
        assert plan.block("export_duckdb").timeout_seconds == 120
        assert plan.block("check_quality").retry.retries == 0
        assert plan.block("load_flights").retry.retries == plan.retry.retries == 1
        # It imports a module of the project that imports pandas.
        assert plan.block("load_flights").uses_tables

    def test_callbacks_and_conditionals_hang_on_their_blocks(self):
        plan = read_pipeline(open_project(DEMO), "hourly_weather").plan
        assert plan.block("load_hour").callbacks == ("note_failure",)
        assert plan.block("save_hour").callbacks == ("note_failure",)
        assert plan.block("warn_of_delays").conditionals == ("weather_is_bad",)
        assert plan.callbacks["note_failure"].type is BlockType.CALLBACK
        assert plan.conditionals["weather_is_bad"].path == "conditionals/weather_is_bad.py"
        assert [block.slug for block in plan.blocks] == ["load_hour", "save_hour", "warn_of_delays"]


@pytest.mark.parametrize("project", ["etl_sql", "dynamic_fanout", "control_flow", "unsupported"])
def test_every_plan_can_be_shown(project: str):
    opened = open_project(PROJECTS / project)
    for slug in pipeline_slugs(PROJECTS / project):
        plan = read_pipeline(opened, slug).plan
        assert set(plan.descendants) == set(plan.by_slug)
        assert set(plan.mapped_by) <= set(plan.by_slug)


class TestRules:
    BLOCK = "blocks:\n- uuid: a\n  type: custom\n"

    def test_retries_block_over_pipeline_over_project(self, tmp_path: Path):
        plan = plan_of(
            tmp_path,
            self.BLOCK + "  retry_config: {retries: 0, delay: }\nretry_config: {delay: 7}\n",
            "retry_config: {retries: 3, delay: 1, max_delay: 90, exponential_backoff: false}\n",
        )
        expected = RetryPolicy(0, 7, 90, exponential_backoff=False)
        assert plan.block("a").retry == expected
        assert plan.retry == RetryPolicy(3, 7, 90, exponential_backoff=False)

    def test_limits_pipeline_over_project(self, tmp_path: Path):
        plan = plan_of(
            tmp_path,
            self.BLOCK + "concurrency_config: {pipeline_run_limit: 4, pipeline_run_limit_all_triggers: 2}\n",
            "concurrency_config: {block_run_limit: 3, on_pipeline_run_limit_reached: skip}\n",
        )
        assert (plan.block_run_limit, plan.run_limit, plan.run_limit_reached) == (3, 2, "skip")

    def test_a_zero_timeout_is_none(self, tmp_path: Path):
        assert plan_of(tmp_path, self.BLOCK + "  timeout: 0\n").block("a").timeout_seconds is None

    def test_one_process(self, tmp_path: Path):
        assert plan_of(tmp_path, self.BLOCK + "run_pipeline_in_one_process: true\n").in_one_process

    def test_a_replica_runs_its_sources_file(self, tmp_path: Path):
        text = "blocks:\n- uuid: a\n  type: custom\n- uuid: a_again\n  type: custom\n  replicated_block: a\n"
        plan = plan_of(tmp_path, text + "  upstream_blocks: [a]\n")
        assert plan.block("a_again").path == "custom/a.py"
        assert plan.block("a").downstream == ("a_again",)

    def test_older_callbacks_and_second_form_of_dynamic(self, tmp_path: Path):
        write(tmp_path, {"callbacks/a_callback.py": "@callback\ndef f(): ...\n"})
        text = self.BLOCK + "  has_callback: true\n  configuration:\n    dynamic: {parent: true}\n"
        plan = plan_of(tmp_path, text)
        assert plan.block("a").dynamic
        assert plan.callbacks["a_callback"].path == "callbacks/a_callback.py"

    def test_blocks_in_folders_and_files_elsewhere(self, tmp_path: Path):
        text = (
            "blocks:\n- uuid: reports/daily\n  type: custom\n"
            "- uuid: b\n  type: custom\n  configuration: {file_source: {path: shared/b.py}}\n"
        )
        plan = plan_of(tmp_path, text)
        assert plan.block("reports/daily").path == "custom/reports/daily.py"
        assert plan.block("b").path == "shared/b.py"

    def test_notes_of_the_notebook_do_not_run(self, tmp_path: Path):
        text = "blocks:\n- uuid: idea\n  type: scratchpad\n- uuid: a\n  type: custom\n  upstream_blocks: [idea]\n"
        plan = plan_of(write(tmp_path, {"custom/a.py": "@custom\ndef f(): ...\n"}), text)
        assert [block.slug for block in plan.blocks] == ["a"]
        assert plan.problems == ()

    @pytest.mark.parametrize(
        ("executor", "config", "expected"),
        [
            ("local_python", "resource_limits: {memory: 512Mi}", 512 * 2**20),
            ("k8s", "resource_limits: {memory: 1.5G}", 1_500_000_000),
            ("k8s", "resource_limits: {memory: 1000}", 1000),
            ("ecs", "memory: 1024", 2**30),
            ("ecs", "{memory: 1024, resource_limits: {memory: 2Gi}}", 2 * 2**30),
            ("k8s", "memory: 1024", None),
            ("k8s", "resource_limits: {memory: \"{{ variables('size') }}\"}", 2**28),
        ],
    )
    def test_memory_limits(self, tmp_path: Path, executor: str, config: str, expected: int | None):
        text = (
            self.BLOCK + f"  executor_type: {executor}\n  executor_config:\n    {config}\nvariables: {{size: 256Mi}}\n"
        )
        assert plan_of(tmp_path, text).block("a").memory_bytes == expected

    def test_a_spark_pipeline(self, tmp_path: Path):
        write(
            tmp_path,
            {
                "custom/a.py": "@custom\ndef f(): ...\n",
                "sensors/wait.py": "@sensor\ndef f(): ...\n",
                "sensors/ask.py": "@sensor\ndef f(**kwargs): return kwargs['spark']\n",
            },
        )
        text = self.BLOCK + "- uuid: wait\n  type: sensor\n- uuid: ask\n  type: sensor\ntype: pyspark\n"
        plan = plan_of(tmp_path, text)
        assert {block.slug: block.executor for block in plan.blocks} == {
            "a": ExecutorType.PYSPARK,
            "wait": ExecutorType.LOCAL_PYTHON,
            "ask": ExecutorType.PYSPARK,
        }


class TestGraph:
    def test_order_is_the_authors_where_it_can_be(self):
        assert graph.order({"c": ["a"], "a": [], "b": []}) == ["a", "c", "b"]

    def test_every_cycle_is_found_with_its_path(self):
        upstream = {"a": ["c"], "b": ["a"], "c": ["b"], "d": ["d", "a"], "e": [], "f": ["c", "e"]}
        assert graph.cycles(upstream) == [["a", "b", "c", "a"], ["d", "d"]]
        broken = graph.without_cycles(upstream)
        assert sorted(graph.order(broken)) == sorted(upstream)
        assert broken["f"] == ["c", "e"]


class TestProjectPlans:
    @pytest.fixture
    def library(self, tmp_path: Path) -> BundleLibrary:
        return BundleLibrary(InMemoryArtifactStore(), tmp_path / "bundles", "shop")

    def test_plans_by_code_version(self, library: BundleLibrary, tmp_path: Path):
        root = write(tmp_path / "shop", {"pipelines/p/metadata.yaml": "blocks: []\nname: Old\n", "metadata.yaml": ""})
        plans = ProjectPlans(library)
        old = library.publish_tree(root)
        write(root, {"pipelines/p/metadata.yaml": "blocks: []\nname: New\n", "pipelines/q/metadata.yaml": "blocks: ["})
        new = library.publish_tree(root)
        assert (plans.plan(old, "p").name, plans.plan(new, "p").name) == ("Old", "New")
        assert plans.plan(new, "p") is plans.plan(new, "p")
        assert plans.plan(new, "p").bundle == new
        assert (list(plans.pipelines(old)), list(plans.pipelines(new))) == (["p"], ["p", "q"])
        assert plans.plan(new, "q").problems
        with pytest.raises(PipelineNotFound):
            plans.plan(old, "q")
        with pytest.raises(PipelineNotFound):
            plans.plan(old, "../p")
        with pytest.raises(NotFound):
            plans.plan("0" * 64, "p")


def test_dates_and_odd_numbers_of_yaml_become_json_or_a_problem(tmp_path):
    folder = tmp_path / "pipelines" / "p"
    folder.mkdir(parents=True)
    (tmp_path / "metadata.yaml").write_text("project_type: standalone\n")
    (tmp_path / "custom").mkdir()
    (tmp_path / "custom" / "a.py").write_text("@custom\ndef a(*args, **kwargs):\n    return 1\n")
    block = "- {uuid: a, name: a, type: custom, language: python, upstream_blocks: [], downstream_blocks: []}"
    text = "uuid: p\ntype: python\nvariables:\n  day: 2024-01-31\n  deep:\n  - {at: 2024-01-31 10:00:00}\n"
    (folder / "metadata.yaml").write_text(f"{text}blocks:\n{block}\n")
    plan = read_pipeline(open_project(tmp_path), "p").plan
    assert plan.variables == {"day": "2024-01-31", "deep": [{"at": "2024-01-31T10:00:00"}]}
    assert plan.problems == ()
    (folder / "metadata.yaml").write_text(f"{text}  odd: .nan\nblocks:\n{block}\n")
    assert "pipelines/p/metadata.yaml:7: `odd` is nan" in read_pipeline(open_project(tmp_path), "p").plan.problems[0]
