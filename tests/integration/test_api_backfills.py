"""Backfills over HTTP: preview, create, read, change, pause, resume, cancel, run the failed again, delete."""

from __future__ import annotations

from itertools import pairwise

import pytest

from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.ports.account_store import Role
from penstock_runtime.runs.backfill_turns import advance_backfills
from penstock_runtime.server.backfills.schemas import Backfill, BackfillPage, BackfillPreview, BackfillTimes
from support.api_stack import as_problem
from support.attempts import claim, finish

BACKFILLS = "/api/v1/backfills"
# The stack's clock stands at 2026-03-04 05:06:07.
RANGE = {
    "pipeline": "hourly",
    "schedule": {"schedule_interval": "@hourly"},
    "start_at": "2026-03-04T00:00:00Z",
    "end_at": "2026-03-04T05:00:00Z",
}


def make(owner, **more):
    response = owner.post(BACKFILLS, json={**RANGE, **more})
    assert response.status_code == 201, response.text
    Backfill.model_validate(response.json())
    return response.json()


def end_all(stack, reason):
    for attempt in claim(stack):
        status = "succeeded" if reason is ExitReason.SUCCESS else "failed"
        result = {"status": status, "outputs": [], "fan_out": None, "tests": [], "used_tables": False}
        finish(stack, attempt, AttemptOutcome(attempt.id, reason, result=result))
    advance_backfills(stack.services.runs)


def test_a_preview_says_what_would_happen_and_does_nothing(owner):
    response = owner.post(f"{BACKFILLS}/preview", json={**RANGE, "order": "newest_first"})
    assert response.status_code == 200, response.text
    BackfillPreview.model_validate(response.json())
    found = response.json()
    assert (found["total"], found["first_at"], found["last_at"], found["succeeded"]) == (
        6,
        "2026-03-04T05:00:00.000000Z",
        "2026-03-04T00:00:00.000000Z",
        0,
    )
    assert all(later > earlier for later, earlier in pairwise(found["next_times"]))
    assert owner.get(BACKFILLS).json() == {"items": [], "next_cursor": None}


def test_creating_makes_the_first_runs_and_says_where_it_is(owner, stack):
    response = owner.post(BACKFILLS, json={**RANGE, "name": "march", "concurrency": 2, "variables": {"year": 2026}})
    assert response.status_code == 201
    made = response.json()
    assert response.headers["location"] == f"{BACKFILLS}/{made['id']}"
    assert (made["name"], made["status"], made["total"], made["made"]) == ("march", "running", 6, 2)
    assert made["runs_by_status"] == {"queued": 2}
    assert made["created_by"] == "api-key:test-owner"
    assert owner.get(response.headers["location"]).json() == made
    runs = owner.get("/api/v1/runs", params={"trigger": made["id"]}).json()["items"]
    assert {(run["trigger"]["kind"], run["trigger"]["name"], run["variables"]["year"]) for run in runs} == {
        ("backfill", "march", 2026)
    }
    assert {wakeup.topic for wakeup in stack.wakeups.published} == {"backfill", "run", "work"}


def test_the_list_is_narrowed_to_a_pipeline_and_goes_on(owner):
    first, second = make(owner), make(owner, pipeline="flights")
    BackfillPage.model_validate(owner.get(BACKFILLS).json())
    page = owner.get(BACKFILLS, params={"limit": 1}).json()
    rest = owner.get(BACKFILLS, params={"limit": 1, "cursor": page["next_cursor"]}).json()
    assert {page["items"][0]["id"], rest["items"][0]["id"]} == {first["id"], second["id"]}
    narrowed = owner.get(BACKFILLS, params={"pipeline": "flights"}).json()["items"]
    assert [one["id"] for one in narrowed] == [second["id"]]


def test_its_times_show_what_has_run_and_what_has_not(owner, stack):
    made = make(owner)
    end_all(stack, ExitReason.SUCCESS)
    address = f"{BACKFILLS}/{made['id']}/times"
    found = owner.get(address).json()
    BackfillTimes.model_validate(found)
    assert [item["status"] for item in found["items"]] == ["succeeded", "queued", None, None, None, None]
    assert found["items"][0]["logical_at"] == "2026-03-04T00:00:00.000000Z"
    assert found["items"][0]["run"] is not None
    assert found["items"][2]["run"] is None
    page = owner.get(address, params={"limit": 4}).json()
    rest = owner.get(address, params={"limit": 4, "cursor": page["next_cursor"]}).json()
    assert page["items"] + rest["items"] == found["items"]
    assert rest["next_cursor"] is None


def test_pause_resume_cancel(owner):
    address = f"{BACKFILLS}/{make(owner)['id']}"
    assert owner.post(f"{address}/pause").json()["status"] == "paused"
    as_problem(owner.post(f"{address}/retry"), 409)
    assert owner.post(f"{address}/resume").json()["status"] == "running"
    cancelled = owner.post(f"{address}/cancel")
    assert (cancelled.status_code, cancelled.json()["status"]) == (202, "cancelled")
    assert cancelled.json()["runs_by_status"] == {"cancelled": 1}
    as_problem(owner.post(f"{address}/resume"), 409)
    as_problem(owner.patch(address, json={"concurrency": 3}), 409)


def test_more_at_once_is_at_work_at_once(owner):
    address = f"{BACKFILLS}/{make(owner)['id']}"
    changed = owner.patch(address, json={"concurrency": 3})
    assert (changed.status_code, changed.json()["concurrency"]) == (200, 3)
    assert changed.json()["runs_by_status"] == {"queued": 3}


def test_the_failed_go_again(owner, stack):
    made = make(owner, concurrency=6)
    address = f"{BACKFILLS}/{made['id']}"
    as_problem(owner.post(f"{address}/retry"), 409)
    end_all(stack, ExitReason.ERROR)
    assert owner.get(address).json()["status"] == "failed"
    again = owner.post(f"{address}/retry").json()
    assert (again["status"], again["runs_by_status"]) == ("running", {"queued": 6})
    end_all(stack, ExitReason.SUCCESS)
    done = owner.get(address).json()
    assert (done["status"], done["runs_by_status"], done["retrying"]) == ("succeeded", {"succeeded": 6}, False)


def test_deleting_keeps_the_runs(owner, stack):
    made = make(owner, end_at=RANGE["start_at"])
    address = f"{BACKFILLS}/{made['id']}"
    as_problem(owner.delete(address), 409)
    end_all(stack, ExitReason.SUCCESS)
    assert owner.delete(address).status_code == 204
    as_problem(owner.get(address), 404)
    assert len(owner.get("/api/v1/runs", params={"trigger": made["id"]}).json()["items"]) == 1


@pytest.mark.parametrize("way", ["header", "body"])
def test_the_same_key_is_the_same_backfill(owner, way):
    def start(**more):
        body = {**RANGE, **more} | ({"idempotency_key": "k1"} if way == "body" else {})
        return owner.post(BACKFILLS, json=body, headers={"Idempotency-Key": "k1"} if way == "header" else {})

    assert start().json()["id"] == start().json()["id"]
    as_problem(start(concurrency=2), 409)
    assert len(owner.get(BACKFILLS).json()["items"]) == 1


@pytest.mark.parametrize("where", [BACKFILLS, f"{BACKFILLS}/preview"])
@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"end_at": "2026-03-03T00:00:00Z"}, "body.end_at"),
        ({"end_at": "2026-03-04T06:00:00Z"}, "body.end_at"),
        ({"schedule": {"interval_seconds": 1}}, "body.end_at"),
        ({"start_at": "2026-03-04T00:00:00"}, "body.start_at"),
        ({"schedule": {"schedule_interval": "every day"}}, "body.schedule.schedule_interval"),
        ({"schedule": {"schedule_interval": "@once"}}, "body.schedule.schedule_interval"),
        ({"schedule": {}}, "body.schedule.schedule_interval"),
        ({"schedule": {"schedule_interval": "@daily", "timezone": "Mars"}}, "body.schedule.timezone"),
        ({"schedule": {"interval_seconds": -5}}, "body.schedule.interval_seconds"),
        ({"schedule": {"schedule_interval": "@daily", "interval_seconds": 60}}, "body.schedule.interval_seconds"),
        ({"order": "by_weight"}, "body.order"),
        ({"surprise": 1}, "body.surprise"),
    ],
)
def test_a_wrong_value_is_named_by_its_path(owner, where, wrong, path):
    body = as_problem(owner.post(where, json={**RANGE, **wrong}), 422)
    assert [error["path"] for error in body["errors"]] == [path]


def test_a_pipeline_that_cannot_run_says_every_reason(owner):
    for where in (BACKFILLS, f"{BACKFILLS}/preview"):
        body = as_problem(owner.post(where, json={**RANGE, "pipeline": "broken"}), 422)
        assert "metadata.yaml:3" in body["errors"][0]["message"]
        as_problem(owner.post(where, json={**RANGE, "pipeline": "unknown"}), 404)
    assert owner.get(BACKFILLS).json()["items"] == []


def test_too_many_at_once_and_bad_names_are_refused(owner):
    for wrong in ({"concurrency": 0}, {"concurrency": 101}, {"name": ""}, {"variables": {"a": "\u0000"}}):
        as_problem(owner.post(BACKFILLS, json={**RANGE, **wrong}), 422)


def test_a_viewer_looks_and_changes_nothing(api, owner):
    made = make(owner)
    with api.client(Role.VIEWER) as viewer:
        assert viewer.get(f"{BACKFILLS}/{made['id']}").status_code == 200
        assert viewer.get(f"{BACKFILLS}/{made['id']}/times").status_code == 200
        for action in ("pause", "resume", "cancel", "retry"):
            as_problem(viewer.post(f"{BACKFILLS}/{made['id']}/{action}"), 403)
        as_problem(viewer.post(BACKFILLS, json=RANGE), 403)
        as_problem(viewer.delete(f"{BACKFILLS}/{made['id']}"), 403)


def test_what_was_done_is_in_the_audit(owner):
    made = make(owner)
    owner.post(f"{BACKFILLS}/{made['id']}/cancel")
    events = owner.get("/api/v1/audit-events").json()["items"]
    found = {event["action"] for event in events if event["target"] == made["id"]}
    assert found == {"backfill.create", "backfill.cancel"}
