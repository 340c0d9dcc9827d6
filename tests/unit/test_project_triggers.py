from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from penstock_runtime.domain.errors import Conflict
from penstock_runtime.domain.event_matching import parse_event
from penstock_runtime.domain.schedules import next_after, parse_schedule
from penstock_runtime.project.requirements import extra_requirements, requirements_text
from penstock_runtime.project.starter import STARTER, copy_demo, create_project, demo_dir
from penstock_runtime.project.triggers import read_triggers
from penstock_runtime.project.validation import validate

DEMO = Path(__file__).resolve().parents[2] / "runtime" / "demo"
PROJECTS = Path(__file__).resolve().parents[1] / "support" / "projects"


def read(root: Path, text: str):
    folder = root / "pipelines/p"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "triggers.yaml").write_text(text)
    return read_triggers(root, "p")


class TestTriggers:
    def test_the_documented_form(self, tmp_path: Path):
        found = read(
            tmp_path,
            "triggers:\n"
            "- name: nightly\n  schedule_type: time\n  schedule_interval: '@daily'\n  start_time: 2023-01-01\n"
            "  status: active\n  variables: {a: 1}\n  sla: 600\n"
            "  settings: {skip_if_previous_running: true, timezone: Europe/Berlin}\n"
            "- name: on_call\n  schedule_type: api\n  start_time: 2023-03-01 00:00:00\n"
            "  schedule_interval:\n  envs: []\n"
            "- name: on_event\n  schedule_type: event\n  status: inactive\n",
        )
        assert found.problems == ()
        nightly, on_call, on_event = found.triggers
        assert (nightly.kind, on_call.kind, on_event.kind) == ("schedule", "api", "event")
        assert (nightly.active, on_call.active) == (True, False)
        assert nightly.in_code
        assert nightly.variables == {"a": 1}
        assert nightly.settings == {
            "schedule_interval": "@daily",
            "start_time": "2023-01-01",
            "sla": 600,
            "skip_if_previous_running": True,
            "timezone": "Europe/Berlin",
        }
        schedule = parse_schedule(nightly.settings)
        assert next_after(schedule, datetime(2022, 1, 1, tzinfo=UTC)) == datetime(2022, 12, 31, 23, tzinfo=UTC)

    @pytest.mark.parametrize(
        "preset", ["@once", "@hourly", "@daily", "@weekly", "@monthly", "@always_on", "*/5 * * * *"]
    )
    def test_each_interval_of_the_format(self, tmp_path: Path, preset: str):
        found = read(tmp_path, f"triggers:\n- name: t\n  schedule_interval: '{preset}'\n")
        assert found.problems == ()
        assert found.triggers[0].settings["schedule_interval"] == preset

    @pytest.mark.parametrize(
        ("text", "code", "line"),
        [
            ("triggers: [\n", "bad-yaml", 2),
            ("triggers: soon\n", "wrong-type", 1),
            ("triggers:\n- nightly\n", "wrong-type", 2),
            ("triggers:\n- schedule_interval: '@daily'\n", "bad-name", 2),
            ("triggers:\n- name: t\n  schedule_type: lunar\n", "wrong-value", 3),
            ("triggers:\n- name: t\n  schedule_interval: '@daily'\n  status: paused\n", "wrong-value", 4),
            ("triggers:\n- name: t\n  schedule_interval: 99 * * * *\n", "bad-cron", 3),
            ("triggers:\n- name: t\n  schedule_interval: '@daily'\n  start_time: soon\n", "wrong-value", 4),
            (
                "triggers:\n- name: t\n  schedule_interval: '@daily'\n  settings:\n    timezone: Mars/Base\n",
                "wrong-value",
                5,
            ),
            ("triggers:\n- name: t\n  schedule_interval: '@daily'\n  start_tme: 1\n", "unknown-key", 4),
            (
                "triggers:\n- name: t\n  schedule_interval: '@daily'\n  settings: {landing_time_enabled: true}\n",
                "unsupported",
                4,
            ),
            ("triggers:\n- name: t\n  schedule_type: api\n  token: short\n", "weak-token", 4),
            ("triggers:\n- name: t\n  schedule_type: api\n  settings: {timeout: -1}\n", "wrong-value", 4),
            ("triggers:\n- name: t\n  schedule_type: api\n  sla: soon\n", "wrong-value", 4),
            (
                "triggers:\n- name: t\n  schedule_interval: '@daily'\n  settings:\n    catch_up_per_minute: 0\n",
                "wrong-value",
                5,
            ),
            (
                "triggers:\n- name: t\n  schedule_type: event\n  settings:\n    event: {name: e, match: {a: 1}}\n",
                "wrong-value",
                5,
            ),
            ("triggers:\n- name: t\n  schedule_type: event\n  status: active\n", "no-event", 2),
            (
                "triggers:\n- name: t\n  schedule_type: api\n  settings:\n    event: {name: e}\n",
                "without-effect",
                5,
            ),
            (
                "triggers:\n- name: t\n  schedule_type: api\n  settings:\n    allow_blocks_to_fail: false\n",
                "without-effect",
                5,
            ),
            ("triggers:\n- name: t\n  schedule_type: api\n  envs: [prod]\n", "without-effect", 4),
            (
                "triggers:\n- name: t\n  schedule_type: event\n  event_matchers:\n  - {name: x, pattern: {}}\n",
                "without-effect",
                4,
            ),
            ("triggres: []\n", "unknown-key", 1),
        ],
    )
    def test_a_problem_is_named_with_its_line(self, tmp_path: Path, text: str, code: str, line: int):
        found = read(tmp_path, text)
        assert [(item.code, item.line) for item in found.problems] == [(code, line)]

    def test_a_token_in_the_file_goes_no_further_than_its_digest(self, tmp_path: Path):
        token = "7d0e8e4a52b14d5c8f5f0f4f6a1b9c33"
        found = read(tmp_path, f"triggers:\n- name: t\n  schedule_type: api\n  token: {token}\n")
        assert found.problems == ()
        assert found.triggers[0].token_digest == hashlib.sha256(token.encode()).hexdigest()
        assert token not in repr(found)

    def test_an_event_and_what_it_must_hold(self, tmp_path: Path):
        found = read(
            tmp_path,
            "triggers:\n- name: t\n  schedule_type: event\n  status: active\n  settings:\n    event:\n"
            "      name: order.paid\n      match:\n        $.customer.country: [DE, AT]\n",
        )
        assert found.problems == ()
        matcher = parse_event(found.triggers[0].settings)
        assert matcher is not None
        assert matcher.accepts("order.paid", {"customer": {"country": "AT"}})
        assert not matcher.accepts("order.paid", {"customer": {"country": "FR"}})

    def test_a_broken_trigger_hides_no_other(self, tmp_path: Path):
        found = read(
            tmp_path,
            "triggers:\n- name: bad\n  schedule_interval: x\n- name: good\n  schedule_interval: '@hourly'\n"
            "- name: good\n  schedule_interval: '@daily'\n",
        )
        assert [(item.name, item.settings["schedule_interval"]) for item in found.triggers] == [("good", "@hourly")]
        assert [item.code for item in found.problems] == ["bad-cron", "duplicate-name"]

    def test_none_without_a_file(self, tmp_path: Path):
        assert read_triggers(tmp_path, "p").triggers == ()
        assert read_triggers(tmp_path, "../p").triggers == ()

    def test_the_demos(self):
        assert [item.name for item in read_triggers(DEMO, "hourly_weather").triggers if item.active] == ["every_hour"]
        assert [item.active for item in read_triggers(DEMO, "flight_delays").triggers] == [False]


class TestRequirements:
    def test_what_the_files_imply(self):
        extra = extra_requirements(PROJECTS / "etl_sql")
        stated = requirements_text(PROJECTS / "etl_sql").lower()
        assert "psycopg[binary]" in extra or "psycopg" in stated
        assert "duckdb" in extra or "duckdb" in stated

    def test_a_stated_requirement_is_left_alone(self, tmp_path: Path):
        (tmp_path / "requirements.txt").write_text("# tools\nDuckDB>=1.0 ; python_version > '3.8'\n-r other.txt\n")
        (tmp_path / "a.py").write_text("from mage_ai.io.duckdb import DuckDB\nfrom mage_ai.io.s3 import S3\n")
        assert extra_requirements(tmp_path) == ["boto3", "pandas"]

    def test_none(self, tmp_path: Path):
        assert requirements_text(tmp_path) == ""
        assert extra_requirements(tmp_path) == []


class TestStarter:
    def test_a_new_project_has_no_problem(self, tmp_path: Path):
        written = create_project(tmp_path / "new")
        assert len(written) == len(STARTER)
        assert validate(tmp_path / "new") == []

    def test_the_demo_is_copied_without_what_it_made(self, tmp_path: Path):
        files = copy_demo(tmp_path / "demo")
        assert validate(tmp_path / "demo") == []
        assert not [path for path in files if "__pycache__" in path.parts or "output" in path.parts]
        assert demo_dir() == DEMO

    def test_a_used_folder_is_refused(self, tmp_path: Path):
        (tmp_path / "mine.txt").write_text("precious")
        for make in (create_project, copy_demo):
            with pytest.raises(Conflict, match="not empty"):
                make(tmp_path)
        (tmp_path / "empty").mkdir()
        create_project(tmp_path / "empty")
