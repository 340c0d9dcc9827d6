"""Changing triggers.yaml: the entry that is meant, and not a byte beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock_runtime.domain.errors import PipelineInvalid
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.project.trigger_file import with_trigger, without_trigger
from penstock_runtime.project.triggers import triggers_of_text

FILE = "pipelines/p/triggers.yaml"
OURS = """\
# Who starts this, and when.
triggers:
  # Off at first.
  - name: morning
    description: "Each day: at six"   # in UTC
    schedule_type: time
    schedule_interval: 0 6 * * *
    start_time: 2025-01-01 00:00:00
    status: inactive
    settings:
      # never two at once
      skip_if_previous_running: true
    variables: {}

  # By the shop.
  - name: order
    schedule_type: api
    status: active
    variables:
      limit: 3   # rows

# The end.
"""
MAGES = """\
triggers:
- description: null
  envs:
  - prod
  last_enabled_at: 2024-05-02 09:20:11.118023+00:00
  name: hourly settings
  schedule_interval: '@hourly'
  schedule_type: time
  settings: null
  sla: null
  start_time: 2024-05-02 00:00:00+00:00
  status: inactive
  token: 0c2b7a51f0c84c0c9a2f6a9d3f1e5b77
  variables:
    greeting: good hour
- name: by request
  schedule_type: api
  status: active
  token: 7d0e8e4a52b14d5c8f5f0f4f6a1b9c33
"""
API = Trigger("", "p", "new one", "api", active=True, variables={"day": "2026-01-01", "flag": "yes", "n": 1.5})


def of(text: str, name: str) -> Trigger:
    return next(trigger for trigger in triggers_of_text(text, "p").triggers if trigger.name == name)


def test_a_switch_changes_one_line_and_nothing_else():
    for text, name in ((OURS, "morning"), (MAGES, "hourly settings")):
        on = with_trigger(text, FILE, replace(of(text, name), active=True), name)
        assert on == text.replace("status: inactive", "status: active", 1)
        assert with_trigger(on, FILE, of(text, name), name) == text


def test_settings_and_variables_are_changed_where_they_stand():
    before = of(OURS, "morning")
    settings = {**before.settings, "schedule_interval": "15 7 * * 1-5", "timezone": "Europe/Berlin", "sla": 600}
    settings["skip_if_previous_running"] = False
    after = with_trigger(OURS, FILE, replace(before, settings=settings, variables={"a": [1]}), "morning")
    assert of(after, "morning").settings == settings
    assert of(after, "morning").variables == {"a": [1]}
    for kept in ("# in UTC", "# never two at once", "# Off at first.", "# The end.", "start_time: 2025-01-01 00:00:00"):
        assert kept in after
    assert after.splitlines()[17:] != []
    assert after.endswith(OURS[OURS.index("\n  # By the shop.") :])
    gone = {key: value for key, value in settings.items() if key not in {"sla", "timezone", "start_time"}}
    assert of(with_trigger(after, FILE, replace(before, settings=gone), "morning"), "morning").settings == gone


def test_a_rename_keeps_the_place():
    after = with_trigger(MAGES, FILE, replace(of(MAGES, "hourly settings"), name="each: hour"), "hourly settings")
    assert [trigger.name for trigger in triggers_of_text(after, "p").triggers] == ["each: hour", "by request"]
    assert "  envs:\n  - prod\n" in after


def test_a_token_in_clear_is_taken_out_when_it_is_replaced_and_only_then():
    trigger = of(MAGES, "by request")
    assert trigger.token_digest is not None
    assert "7d0e8e4a" in with_trigger(MAGES, FILE, replace(trigger, active=False), "by request")
    after = with_trigger(MAGES, FILE, trigger, "by request", drop_token=True)
    assert after == MAGES.replace("  token: 7d0e8e4a52b14d5c8f5f0f4f6a1b9c33\n", "")


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "# nothing yet\n",
        "triggers:\n",
        "triggers: []  # none\n",
        "triggers: null",
        "x-note: 1\n",
        OURS,
        MAGES,
    ],
)
def test_a_new_one_comes_last_and_keeps_what_is_there(text):
    after = with_trigger(text, FILE, API, None)
    found = triggers_of_text(after, "p")
    assert [replace(found.triggers[-1], id="")] == [replace(API, in_code=True)]
    assert "token" not in after.replace(text or "", "")
    for line in (text or "").splitlines():
        assert line.strip().removesuffix("[]  # none").removesuffix("null").strip() in after
    again = with_trigger(after, FILE, replace(API, name="another"), None)
    assert [trigger.name for trigger in triggers_of_text(again, "p").triggers][-2:] == ["new one", "another"]


def test_a_new_one_is_written_in_the_manner_of_the_others():
    after = with_trigger(OURS, FILE, replace(API, variables={}), None)
    expected = (
        "\n  - name: new one\n    pipeline_uuid: p\n    schedule_type: api\n    status: active\n    variables: {}\n"
    )
    assert after == OURS.replace("\n# The end.\n", expected + "\n# The end.\n")


def test_one_goes_with_its_own_comment_and_the_others_stay():
    start, end = OURS.index("\n  # By the shop."), OURS.index("\n# The end.")
    assert without_trigger(OURS, FILE, "order") == OURS[:start] + OURS[end:]
    assert "By the shop" in without_trigger(OURS, FILE, "morning")
    assert without_trigger(MAGES, FILE, "hourly settings") == "triggers:\n" + MAGES[MAGES.index("- name: by request") :]
    empty = without_trigger(without_trigger(OURS, FILE, "order"), FILE, "morning")
    assert triggers_of_text(empty, "p").triggers == ()
    assert triggers_of_text(with_trigger(empty, FILE, API, None), "p").triggers[0].name == "new one"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("triggers: [\n", 2),
        ("- name: order\n", 1),
        ("triggers: {}\n", 1),
        ("triggers:\n- name: order\n- name: order\n", 3),
        ("triggers: [{name: order}]\n", 1),
        ("triggers:\n- {name: order}\n", 2),
        ("triggers:\n- name: order\n  name: order\n", 3),
        ("triggers:\n- name: other\n", 1),
        ("x: &x {a: 1}\ntriggers:\n- name: order\n  variables: *x\n", 3),
    ],
)
def test_what_cannot_be_changed_safely_is_refused_with_its_line(text: str, line: int):
    trigger = Trigger("", "p", "order", "api", active=True)
    with pytest.raises(PipelineInvalid, match=f"^{FILE}:{line}: ") as caught:
        with_trigger(text, FILE, trigger, "order")
    assert caught.value.problems == (str(caught.value),)


def test_an_entry_that_others_lean_on_is_not_taken_away():
    text = "triggers:\n- name: a\n  schedule_type: api\n  variables: &shared {x: 1}\n- name: b\n  variables: *shared\n"
    with pytest.raises(PipelineInvalid):
        without_trigger(text, FILE, "a")
    trigger = replace(of(text, "a"), variables={"x": 2})
    with pytest.raises(PipelineInvalid):
        with_trigger(text, FILE, trigger, "a")


PLAIN = st.one_of(st.none(), st.booleans(), st.integers(-(10**9), 10**9), st.text(max_size=12))
TREES = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
LAYOUTS = st.sampled_from([OURS, MAGES, None])


@settings(deadline=None)  # the round-trip parser is slow on a loaded machine
@given(LAYOUTS, st.dictionaries(st.text(max_size=8), TREES, max_size=4), st.text(min_size=1, max_size=12))
def test_whatever_is_written_reads_as_it_was_meant(text: str | None, variables: dict[str, Any], name: str):
    trigger = replace(API, name=name, variables=variables)
    after = with_trigger(text, FILE, trigger, None)
    written = yaml.safe_load(after)["triggers"][-1]
    assert (written["name"], written["variables"]) == (name, variables)
    changed = replace(trigger, variables={**variables, "one more": name}, settings={"description": name})
    again = with_trigger(after, FILE, changed, name)
    assert yaml.safe_load(again)["triggers"][-1]["variables"] == changed.variables
    assert without_trigger(again, FILE, name).rstrip() == (text or "triggers:").rstrip()


def test_a_text_that_looks_like_a_comment_is_not_taken_for_one():
    text = "triggers:\n- name: z\n  schedule_type: api\n  description: |\n    one\n    # two\n- name: a\n"
    assert without_trigger(text, FILE, "a") == text.removesuffix("- name: a\n")


def test_a_change_that_would_reach_another_entry_is_given_up(monkeypatch):
    def careless(lines, place, _entry):
        return [*lines[: place.first], *lines[place.last + 2 :]]

    monkeypatch.setattr("penstock_runtime.project.trigger_file._replaced", careless)
    with pytest.raises(PipelineInvalid, match="would touch other triggers"):
        with_trigger(MAGES, FILE, of(MAGES, "hourly settings"), "hourly settings")
