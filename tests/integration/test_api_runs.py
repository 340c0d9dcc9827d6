"""Runs over HTTP: start, list, read, cancel, retry."""

from __future__ import annotations

import re
import uuid

import pytest

from penstock_runtime.domain.runs import AttemptStatus, ExitReason
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.ports.account_store import Role
from penstock_runtime.server.runs.schemas import AttemptList, BlockRunList, Run, RunPage
from support.api_stack import as_problem
from support.attempts import claim, finish

RUNS = "/api/v1/pipelines/flights/runs"
FIELDS = "id pipeline status epoch trigger logical_at created_at started_at ended_at variables bundle blocks_by_status"
BLOCK_RUN_FIELDS = "id block map_index status attempts"
ATTEMPT_FIELDS = (
    "number epoch status executor external_id host pid started_at ended_at exit_reason exit_code "
    "peak_memory_bytes cpu_seconds error"
)


def failed(stack, run_id: str):
    """Run the first block into the ground."""
    [attempt] = claim(stack)
    assert attempt.run_id == run_id
    error = {"type": "ValueError", "message": "no such year", "traceback": "Traceback …"}
    result = {"status": "failed", "error": error, "outputs": [], "fan_out": None, "tests": [], "used_tables": False}
    finish(stack, attempt, AttemptOutcome(attempt.id, ExitReason.ERROR, result=result))


def test_starting_a_run_is_accepted_and_pins_the_newest_code(owner, stack):
    response = owner.post(RUNS, json={"variables": {"month": 2}})
    assert response.status_code == 202
    run = response.json()
    assert response.headers["location"] == f"/api/v1/runs/{run['id']}"
    assert set(FIELDS.split()) <= run.keys()
    Run.model_validate(run)
    assert run["status"] == "queued"
    assert run["variables"] == {"year": 2013, "month": 2}
    assert run["blocks_by_status"] == {"ready": 1, "pending": 2}
    assert run["created_at"] == "2026-03-04T05:06:07.000089Z"
    assert run["trigger"] is None
    assert run["created_by"] == "api-key:test-owner"
    assert {wakeup.topic for wakeup in stack.wakeups.published} == {"work", "run"}
    assert owner.get(f"/api/v1/runs/{run['id']}").json() == run


def test_a_run_needs_no_body(owner):
    assert owner.post(RUNS).status_code == 202


@pytest.mark.parametrize("way", ["header", "body", "both"])
def test_the_same_key_is_the_same_run_and_another_body_a_conflict(owner, way):
    def start(variables):
        body = {"variables": variables} | ({"idempotency_key": "k1"} if way != "header" else {})
        return owner.post(RUNS, json=body, headers={"Idempotency-Key": "k1"} if way != "body" else {})

    first, second = start({"a": 1}), start({"a": 1})
    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["id"] == second.json()["id"]
    as_problem(start({"a": 2}), 409)
    assert len(owner.get("/api/v1/runs").json()["items"]) == 1


def test_two_different_keys_at_once_are_refused(owner):
    response = owner.post(RUNS, json={"idempotency_key": "k1"}, headers={"Idempotency-Key": "k2"})
    assert as_problem(response, 422)["errors"][0]["path"] == "body.idempotency_key"


def test_a_pipeline_that_cannot_run_says_every_reason(owner):
    body = as_problem(owner.post("/api/v1/pipelines/broken/runs"), 422)
    assert "metadata.yaml:3" in body["errors"][0]["message"]
    as_problem(owner.post("/api/v1/pipelines/unknown/runs"), 404)


def test_logical_time_is_kept_in_utc(owner):
    run = owner.post(RUNS, json={"logical_at": "2026-01-01T02:00:00+02:00"}).json()
    assert run["logical_at"] == "2026-01-01T00:00:00.000000Z"
    as_problem(owner.post(RUNS, json={"logical_at": "2026-01-01T02:00:00"}), 422)


def test_the_list_is_newest_first_in_pages_and_by_condition(owner, stack):
    ids = []
    for number in range(5):
        stack.clock.advance(1)
        ids.append(owner.post(RUNS if number % 2 else "/api/v1/pipelines/hourly/runs").json()["id"])
    seen, cursor = [], None
    while True:
        found = owner.get("/api/v1/runs", params={"limit": 2} | ({"cursor": cursor} if cursor else {})).json()
        RunPage.model_validate(found)
        seen += [run["id"] for run in found["items"]]
        if (cursor := found["next_cursor"]) is None:
            break
    assert seen == ids[::-1]

    def listed(**conditions):
        return [run["id"] for run in owner.get("/api/v1/runs", params=conditions).json()["items"]]

    assert listed(pipeline="flights") == [ids[3], ids[1]]
    assert listed(status=["queued", "failed"]) == ids[::-1]
    assert listed(status="failed") == []
    assert listed(**{"from": "2026-03-04T05:06:11.000089Z"}) == [ids[4], ids[3]]
    assert listed(to="2026-03-04T05:06:09.000089Z") == [ids[0]]
    assert listed(trigger="none-of-these") == []


BAD_CONDITIONS = [
    ("limit=0", "query.limit"),
    ("limit=201", "query.limit"),
    ("limit=x", "query.limit"),
    ("status=gone", "query.status.0"),
    ("from=yesterday", "query.from"),
    ("from=2026-01-01T00:00:00", "query.from"),
    ("to=0001-01-01T00:00:00%2B14:00", "query.to"),
    ("pipelin=flights", "query.pipelin"),
    ("pipeline=%00", "query.pipeline"),
]


def test_a_bad_condition_is_named(owner):
    for query, path in BAD_CONDITIONS:
        errors = as_problem(owner.get(f"/api/v1/runs?{query}"), 422)["errors"]
        assert path in {error["path"] for error in errors}


def test_a_made_up_cursor_is_the_callers_fault(owner):
    for cursor in ("x", "AAAA", "MjAyNi0wMS0wMQ==", "%F0%9F%98%80"):
        as_problem(owner.get(f"/api/v1/runs?cursor={cursor}"), 422)


def test_blocks_and_attempts_have_the_contracts_fields(owner, stack):
    run_id = owner.post(RUNS).json()["id"]
    failed(stack, run_id)
    body = owner.get(f"/api/v1/runs/{run_id}/blocks").json()
    BlockRunList.model_validate(body)
    by_block = {row["block"]: row for row in body["items"]}
    assert set(BLOCK_RUN_FIELDS.split()) <= by_block["load"].keys()
    assert {slug: row["status"] for slug, row in by_block.items()} == {
        "load": "failed",
        "nested/clean": "upstream_failed",
        "export": "upstream_failed",
    }
    assert all(row["map_index"] is None for row in body["items"])
    [attempt] = by_block["load"]["attempts"]
    assert set(ATTEMPT_FIELDS.split()) <= attempt.keys()
    assert (attempt["number"], attempt["epoch"], attempt["status"]) == (1, 1, AttemptStatus.FAILED)
    assert (attempt["exit_reason"], attempt["executor"]) == ("error", "local_python")
    assert attempt["error"] == {"type": "ValueError", "message": "no such year", "traceback": "Traceback …"}
    listed = owner.get(f"/api/v1/runs/{run_id}/blocks/load/attempts").json()
    AttemptList.model_validate(listed)
    assert listed["items"] == [attempt]


def test_a_blocks_slug_may_have_slashes(owner):
    run_id = owner.post(RUNS).json()["id"]
    for spelling in ("nested/clean", "nested%2Fclean"):
        assert owner.get(f"/api/v1/runs/{run_id}/blocks/{spelling}/attempts").json()["items"] == []
    as_problem(owner.get(f"/api/v1/runs/{run_id}/blocks/unknown/attempts"), 404)
    as_problem(owner.get(f"/api/v1/runs/{run_id}/blocks/load/attempts?map_index=7"), 404)


def test_cancelling_ends_what_waits_and_only_once(owner, stack):
    run_id = owner.post(RUNS).json()["id"]
    response = owner.post(f"/api/v1/runs/{run_id}/cancel")
    assert response.status_code == 202
    assert response.json()["status"] == "cancelled"
    as_problem(owner.post(f"/api/v1/runs/{run_id}/cancel"), 409)
    assert stack.accounts.audit_events(1).items[0].action == "run.cancel"


def test_a_retry_opens_a_new_epoch_from_the_failed_block(owner, stack):
    run_id = owner.post(RUNS).json()["id"]
    as_problem(owner.post(f"/api/v1/runs/{run_id}/retry"), 409)
    failed(stack, run_id)
    assert owner.get(f"/api/v1/runs/{run_id}").json()["status"] == "failed"
    response = owner.post(f"/api/v1/runs/{run_id}/retry", json={"scope": "failed", "code": "pinned"})
    assert response.status_code == 202
    run = response.json()
    assert (run["epoch"], run["status"], run["ended_at"]) == (2, "queued", None)


SENSELESS_RETRIES = (
    {"scope": "from_block"},
    {"scope": "failed", "block": "load"},
    {"scope": "all"},
    {"code": "old"},
    {"blok": "load"},
)


def test_a_retry_that_makes_no_sense_is_refused(owner, stack):
    run_id = owner.post(RUNS).json()["id"]
    failed(stack, run_id)
    for body in SENSELESS_RETRIES:
        as_problem(owner.post(f"/api/v1/runs/{run_id}/retry", json=body), 422)


def test_a_retry_from_an_unknown_block_is_not_found(owner, stack):
    run_id = owner.post(RUNS).json()["id"]
    failed(stack, run_id)
    as_problem(owner.post(f"/api/v1/runs/{run_id}/retry", json={"scope": "from_block", "block": "unknown"}), 404)


def test_an_unknown_run_is_not_found_and_a_bad_id_is_said_to_be_one(owner):
    for tail in ("", "/blocks", "/logs", "/logs?follow=true", "/blocks/load/output"):
        as_problem(owner.get(f"/api/v1/runs/{uuid.uuid4()}{tail}"), 404)
        as_problem(owner.get(f"/api/v1/runs/not-an-id{tail}"), 422)


def test_ids_are_taken_in_either_case(owner):
    run_id = owner.post(RUNS).json()["id"]
    assert owner.get(f"/api/v1/runs/{run_id.upper()}").json()["id"] == run_id


def test_the_output_is_a_sample_cut_as_asked(owner, stack):
    run_id = owner.post(RUNS).json()["id"]
    [attempt] = claim(stack)
    table = {
        "name": "output_0",
        "format": "arrow",
        "type": "pandas.DataFrame",
        "bytes": 1000,
        "sha256": "0" * 64,
        "inline": None,
        "file": "output_0.arrow",
        "rows": 5,
        "columns": [{"name": "a", "type": "int64"}],
        "sample": {"columns": ["a"], "rows": [[1], [2], [3]]},
    }
    result = {"status": "succeeded", "error": None, "outputs": [table], "fan_out": 2, "tests": [], "used_tables": True}
    finish(stack, attempt, AttemptOutcome(attempt.id, ExitReason.SUCCESS, result=result))
    body = owner.get(f"/api/v1/runs/{run_id}/blocks/load/output?sample=2").json()
    assert body["outputs"][0]["sample"] == {"columns": ["a"], "rows": [[1], [2]]}
    assert body["outputs"][0]["truncated"] is True
    assert (body["status"], body["fan_out"]) == ("succeeded", 2)
    as_problem(owner.get(f"/api/v1/runs/{run_id}/blocks/load/output?sample=101"), 422)
    as_problem(owner.get(f"/api/v1/runs/{run_id}/blocks/unknown/output"), 404)


def test_every_answer_carries_the_security_headers(api):
    with api.client(Role.VIEWER) as client:
        for path in ("/api/v1/runs", "/api/v1/nothing", "/", "/healthz"):
            headers = client.get(path).headers
            assert "default-src 'self'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert "server" not in headers
        assert client.get("/api/v1/runs").headers["cache-control"] == "no-store"
        assert re.match("no-", client.get("/api/v1/nothing").headers["cache-control"])


def test_unknown_addresses_and_methods_are_problems(owner):
    as_problem(owner.get("/api/v1/nothing"), 404)
    as_problem(owner.put("/api/v1/runs"), 405)
    as_problem(owner.post("/nothing"), 404)
