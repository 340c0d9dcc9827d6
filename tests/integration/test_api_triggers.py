"""Triggers over HTTP, on a project on disk: the file and the store say the same, whoever changed it."""

from __future__ import annotations

import threading

import pytest
import yaml

from penstock_runtime.domain.runs import RunStatus
from penstock_runtime.ports.account_store import Role
from penstock_runtime.server.triggers.schemas import MadeTrigger, Ticks, Trigger, TriggerList
from support.api_stack import as_problem
from support.project_stack import serving_project

URL = "/api/v1/triggers"
NIGHTLY = {
    "pipeline": "shop",
    "name": "nightly",
    "kind": "schedule",
    "settings": {"schedule_interval": "30 2 * * *", "timezone": "Europe/Berlin", "sla": 3600},
    "variables": {"day": "2026-01-01"},
}
ON_CALL = {"pipeline": "shop", "name": "on call", "kind": "api", "variables": {"limit": 3}}
IN_CLEAR = "7d0e8e4a52b14d5c8f5f0f4f6a1b9c33"
BY_HAND = f"""\
triggers:
# By the shop.
- name: paid
  schedule_type: api   # from the till
  status: active
  token: {IN_CLEAR}
"""


@pytest.fixture
def project(tmp_path):
    with serving_project(tmp_path) as made:
        yield made


@pytest.fixture
def editor(project):
    with project.client() as client:
        yield client


@pytest.fixture
def anyone(project):
    with project.client(None) as client:
        yield client


def made(editor, body=None, **more):
    response = editor.post(URL, json={**(body or NIGHTLY), **more})
    assert response.status_code == 201, response.text
    return response.json()


def written(project, pipeline="shop"):
    file = project.folder / f"pipelines/{pipeline}/triggers.yaml"
    return {entry["name"]: entry for entry in yaml.safe_load(file.read_text())["triggers"] or ()}


def test_one_that_is_made_is_in_the_file_and_in_the_store(project, editor):
    project.edit(BY_HAND)
    trigger = made(editor)
    MadeTrigger.model_validate(trigger)
    assert (trigger["kind"], trigger["active"], trigger["in_code"], trigger["token"]) == ("schedule", True, True, None)
    assert trigger["next_tick_at"] is not None
    assert project.file.read_text().startswith(BY_HAND)
    assert written(project)["nightly"] == {
        "name": "nightly",
        "pipeline_uuid": "shop",
        "schedule_type": "time",
        "schedule_interval": "30 2 * * *",
        "sla": 3600,
        "status": "active",
        "settings": {"timezone": "Europe/Berlin"},
        "variables": {"day": "2026-01-01"},
    }
    read = editor.get(f"{URL}/{trigger['id']}")
    assert read.headers["etag"] == f'"{trigger["etag"]}"'
    assert read.json() == {key: value for key, value in trigger.items() if key != "token"}
    listed = editor.get(URL, params={"pipeline": "shop"}).json()
    TriggerList.model_validate(listed)
    assert [item["name"] for item in listed["items"]] == ["nightly", "paid"]
    as_problem(editor.post(URL, json=NIGHTLY), 409)


def test_what_is_changed_is_changed_in_the_file_and_the_rest_stays(project, editor):
    project.edit(BY_HAND)
    trigger = made(editor)
    url = f"{URL}/{trigger['id']}"
    change = {"name": "early", "settings": {"sla": None, "jitter_seconds": 5}, "variables": {"a": "yes"}}
    changed = editor.patch(url, json=change)
    Trigger.model_validate(changed.json())
    assert changed.json()["id"] == trigger["id"]
    assert changed.json()["settings"] == {
        "schedule_interval": "30 2 * * *",
        "timezone": "Europe/Berlin",
        "jitter_seconds": 5,
    }
    entry = written(project)["early"]
    assert (entry["settings"], entry["variables"]) == ({"timezone": "Europe/Berlin", "jitter_seconds": 5}, {"a": "yes"})
    assert "sla" not in entry
    assert project.file.read_text().startswith(BY_HAND)
    whole = editor.put(url, json={"name": "early", "active": False, "settings": {"interval_seconds": 60}})
    assert (whole.json()["settings"], whole.json()["variables"]) == ({"interval_seconds": 60}, {})
    assert (whole.json()["active"], whole.json()["next_tick_at"]) == (False, None)
    assert written(project)["early"]["status"] == "inactive"
    as_problem(editor.patch(url, json={"name": "paid"}), 409)


def test_a_change_that_began_from_something_older_is_refused(project, editor):
    trigger = made(editor)
    url = f"{URL}/{trigger['id']}"
    headers = {"If-Match": f'"{trigger["etag"]}"'}
    assert editor.patch(url, json={"active": False}, headers=headers).status_code == 200
    as_problem(editor.patch(url, json={"active": True}, headers=headers), 409)
    # What an editor on the machine saved a moment ago counts as well, though no scan has seen it.
    headers = {"If-Match": editor.get(url).headers["etag"]}
    project.file.write_text(project.file.read_text().replace("30 2", "40 2"))
    as_problem(editor.put(url, json={"name": "x", "active": True}, headers=headers), 409)
    assert "40 2" in project.file.read_text()


def test_pause_and_resume_are_the_status_in_the_file(project, editor):
    trigger = made(editor)
    url = f"{URL}/{trigger['id']}"
    assert editor.post(f"{url}/pause").json()["active"] is False
    assert written(project)["nightly"]["status"] == "inactive"
    assert editor.post(f"{url}/pause").status_code == 200
    resumed = editor.post(f"{url}/resume").json()
    assert resumed["next_tick_at"] == trigger["next_tick_at"]
    assert written(project)["nightly"]["status"] == "active"


def test_one_that_is_deleted_leaves_the_file_and_a_tombstone(project, editor):
    project.edit(BY_HAND)
    trigger = made(editor)
    url = f"{URL}/{trigger['id']}"
    assert editor.delete(url).status_code == 204
    assert project.file.read_text() == BY_HAND
    for method, path in (("GET", ""), ("DELETE", ""), ("PATCH", ""), ("POST", "/pause"), ("POST", "/runs")):
        as_problem(editor.request(method, url + path, json={} if method in {"PATCH", "POST"} else None), 404)
    with project.runs.store.transaction(read_only=True) as tx:
        assert tx.trigger(trigger["id"]).deleted_at is not None
    assert made(editor)["id"] == trigger["id"]


def test_what_is_edited_on_the_disk_is_seen(project, editor):
    project.edit(BY_HAND)
    [found] = editor.get(URL).json()["items"]
    assert (found["name"], found["kind"], found["has_token"]) == ("paid", "api", True)
    assert IN_CLEAR not in editor.get(URL).text
    project.edit(BY_HAND.replace("name: paid", "name: sold"))
    assert [item["name"] for item in editor.get(URL).json()["items"]] == ["sold"]
    project.file.unlink()
    project.components.publish_code("test")
    assert editor.get(URL).json()["items"] == []


@pytest.mark.parametrize(
    "broken",
    [
        BY_HAND + "- name: [\n",
        "triggers:\n- name: paid\n  schedule_interval: tomorrow\n",
        "triggers: none\n",
    ],
)
def test_a_slip_in_the_file_loses_nothing(project, editor, anyone, broken):
    project.edit(BY_HAND)
    [before] = editor.get(URL).json()["items"]
    project.edit(broken)
    [after] = editor.get(URL).json()["items"]
    assert after == before
    url = f"{URL}/{before['id']}"
    refused = as_problem(editor.post(f"{url}/pause"), 422)
    assert "pipelines/shop/triggers.yaml:" in refused["detail"]
    assert refused["errors"][0]["message"].startswith("pipelines/shop/triggers.yaml:")
    assert project.file.read_text() == broken
    assert anyone.post(f"/api/pipeline_schedules/1/pipeline_runs/{IN_CLEAR}").status_code == 200
    project.edit(BY_HAND)
    assert editor.post(f"{url}/pause").json()["active"] is False


def test_a_new_one_is_not_written_into_a_broken_file(project, editor):
    project.file.write_text("triggers: [\n")
    detail = as_problem(editor.post(URL, json=NIGHTLY), 422)["detail"]
    assert "pipelines/shop/triggers.yaml:2" in detail
    assert project.file.read_text() == "triggers: [\n"


def test_a_project_that_cannot_be_written_says_so(project, editor, monkeypatch):
    trigger = made(editor)
    before = project.file.read_text()

    def read_only(*_args, **_options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("penstock_runtime.project.sources._write", read_only)
    for response in (editor.post(f"{URL}/{trigger['id']}/pause"), editor.delete(f"{URL}/{trigger['id']}")):
        detail = as_problem(response, 409)["detail"]
        assert detail == "pipelines/shop/triggers.yaml cannot be written: Read-only file system"
    assert project.file.read_text() == before
    assert editor.get(f"{URL}/{trigger['id']}").json()["active"] is True


def test_many_at_once_are_all_kept(project, editor):
    statuses = []

    def make(name):
        with project.client() as client:
            statuses.append(client.post(URL, json={**NIGHTLY, "name": name}).status_code)

    threads = [threading.Thread(target=make, args=(f"t{number}",)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [201] * 12
    assert sorted(written(project)) == sorted(f"t{number}" for number in range(12))
    assert len(editor.get(URL).json()["items"]) == 12


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"settings": {"schedule_interval": "61 * * * *"}}, "body.settings.schedule_interval"),
        ({"settings": {}}, "body.settings.schedule_interval"),
        ({"settings": {"interval_seconds": 0}}, "body.settings.interval_seconds"),
        ({"settings": {"interval_seconds": 5, "schedule_interval": "@daily"}}, "body.settings.interval_seconds"),
        ({"settings": {"schedule_interval": "@daily", "timezone": "Mars/Base"}}, "body.settings.timezone"),
        ({"settings": {"schedule_interval": "@daily", "start_time": "soon"}}, "body.settings.start_time"),
        ({"settings": {"schedule_interval": "@daily", "catch_up": "some"}}, "body.settings.catch_up"),
        ({"settings": {"schedule_interval": "@daily", "timeout": -1}}, "body.settings.timeout"),
        ({"settings": {"schedule_interval": "@daily", "timeout_status": "odd"}}, "body.settings.timeout_status"),
        ({"settings": {"schedule_interval": "@daily", "tiemout": 1}}, "body.settings.tiemout"),
        ({"settings": {"schedule_interval": "@daily", "event": {"name": "x"}}}, "body.settings.event"),
        ({"kind": "api"}, "body.settings.schedule_interval"),
        ({"kind": "event", "settings": {}}, "body.settings.event"),
        ({"kind": "event", "settings": {"event": {"name": "x", "match": {"a": 1}}}}, "body.settings.event"),
        ({"kind": "lunar"}, "body.kind"),
        ({"name": ""}, "body.name"),
        ({"name": " x"}, "body.name"),
        ({"variables": []}, "body.variables"),
        ({"colour": "red"}, "body.colour"),
    ],
)
def test_what_is_wrong_is_named_with_its_path_and_nothing_is_written(project, editor, more, path):
    problem = as_problem(editor.post(URL, json={**NIGHTLY, **more}), 422)
    assert path in [error["path"] for error in problem["errors"]]
    assert not project.file.exists()


def test_a_pipeline_that_does_not_exist_has_no_triggers(editor, project):
    as_problem(editor.post(URL, json={**NIGHTLY, "pipeline": "nothing"}), 404)
    as_problem(editor.post(URL, json={**NIGHTLY, "pipeline": "../shop"}), 404)
    assert sorted(path.name for path in (project.folder / "pipelines").iterdir()) == ["other", "shop"]


def test_the_next_ten_ticks_on_the_clock_of_the_zone(editor):
    trigger = made(
        editor, settings={"schedule_interval": "30 2 * * *", "timezone": "Europe/Berlin", "start_time": "2027-03-26"}
    )
    body = editor.get(f"{URL}/{trigger['id']}/ticks").json()
    Ticks.model_validate(body)
    assert (body["timezone"], body["always_on"], body["lost"]) == ("Europe/Berlin", False, [])
    assert [tick["local"] for tick in body["ticks"][:4]] == [
        "2027-03-26T02:30:00+01:00",
        "2027-03-27T02:30:00+01:00",
        "2027-03-28T03:00:00+02:00",
        "2027-03-29T02:30:00+02:00",
    ]
    assert len(body["ticks"]) == 10
    assert body["ticks"][2]["at"] == "2027-03-28T01:00:00.000000Z"
    preview = editor.post(f"{URL}/preview", json={"settings": trigger["settings"]}).json()
    assert preview["ticks"] == body["ticks"]
    as_problem(editor.post(f"{URL}/preview", json={"settings": {"schedule_interval": "x"}}), 422)
    on_call = made(editor, ON_CALL)
    assert editor.get(f"{URL}/{on_call['id']}/ticks").json()["ticks"] == []


def test_a_person_fires_any_trigger_now_also_a_paused_one(editor):
    trigger = made(editor, active=False)
    url = f"{URL}/{trigger['id']}/runs"
    first = editor.post(url, json={"variables": {"n": 1}, "idempotency_key": "k"})
    assert first.status_code == 202
    run = first.json()
    assert (run["trigger"], run["logical_at"]) == ({"id": trigger["id"], "name": "nightly", "kind": "schedule"}, None)
    assert run["variables"] == {"day": "2026-01-01", "n": 1}
    assert editor.post(url, json={"variables": {"n": 1}}, headers={"Idempotency-Key": "k"}).json()["id"] == run["id"]
    as_problem(editor.post(url, json={"variables": {"n": 2}, "idempotency_key": "k"}), 409)
    as_problem(editor.post(url, json={"idempotency_key": "k"}, headers={"Idempotency-Key": "other"}), 422)
    assert editor.post(url).json()["id"] != run["id"]
    listed = editor.get(URL).json()["items"][0]["last_run"]
    assert listed["status"] == "queued"


def test_a_token_is_shown_once_and_starts_its_own_trigger_alone(project, editor, anyone):
    trigger, other = made(editor, ON_CALL), made(editor, ON_CALL, name="other")
    token, url = trigger["token"], f"{URL}/{trigger['id']}/runs"
    assert token.startswith("pst_")
    for path in (URL, f"{URL}/{trigger['id']}", f"{URL}/{trigger['id']}/ticks"):
        assert token not in editor.get(path).text
    assert token not in project.file.read_text()
    assert all(token.encode() not in file.read_bytes() for file in (project.folder.parent / "data").glob("*.db*"))
    for headers in ({"Authorization": f"Bearer {token}"}, {"X-Trigger-Token": token}):
        run = anyone.post(url, json={"variables": {"n": 1}}, headers=headers)
        assert (run.status_code, run.json()["created_by"]) == (202, "trigger-token")
        assert run.json()["variables"] == {"limit": 3, "n": 1}
        as_problem(anyone.post(f"{URL}/{other['id']}/runs", headers=headers), 403)
        as_problem(anyone.get(URL, headers=headers), 401)
        as_problem(anyone.post(f"{URL}/{trigger['id']}/pause", headers=headers), 401)
    as_problem(anyone.post(url), 401)
    as_problem(anyone.post(url, headers={"X-Trigger-Token": "pst_wrong"}), 401)
    new = editor.post(f"{URL}/{trigger['id']}/token")
    assert (new.status_code, new.json()["token"] == token) == (201, False)
    as_problem(anyone.post(url, headers={"X-Trigger-Token": token}), 401)
    headers = {"X-Trigger-Token": new.json()["token"]}
    assert anyone.post(url, headers=headers).status_code == 202
    editor.post(f"{URL}/{trigger['id']}/pause")
    as_problem(anyone.post(url, headers=headers), 409)
    editor.post(f"{URL}/{trigger['id']}/resume")
    assert anyone.post(url, headers=headers).status_code == 202
    assert editor.delete(f"{URL}/{trigger['id']}/token").status_code == 204
    as_problem(anyone.post(url, headers=headers), 401)
    as_problem(editor.post(f"{URL}/{made(editor)['id']}/token"), 409)


def test_a_new_token_takes_the_one_in_clear_out_of_the_file(project, editor, anyone):
    project.edit(BY_HAND)
    [trigger] = editor.get(URL).json()["items"]
    old = f"/api/pipeline_schedules/7/pipeline_runs/{IN_CLEAR}"
    assert anyone.post(old).status_code == 200
    editor.post(f"{URL}/{trigger['id']}/pause")
    assert IN_CLEAR in project.file.read_text()
    editor.post(f"{URL}/{trigger['id']}/resume")
    new = editor.post(f"{URL}/{trigger['id']}/token").json()["token"]
    assert project.file.read_text() == BY_HAND.replace(f"  token: {IN_CLEAR}\n", "")
    project.edit(project.file.read_text() + "# touched\n")
    as_problem(anyone.post(old), 404)
    assert anyone.post(old.replace(IN_CLEAR, new)).status_code == 200


def test_mages_addresses_answer_in_mages_words(editor, anyone, project):
    trigger = made(editor, ON_CALL)
    body = {"pipeline_run": {"variables": {"env": "prod"}, "unknown": 1}, "more": 2}
    by_path = anyone.post(f"/api/pipeline_schedules/98/pipeline_runs/{trigger['token']}", json=body)
    bearer = {"Authorization": f"Bearer {trigger['token']}"}
    by_header = anyone.post("/api/pipeline_schedules/anything/api_trigger", json=body, headers=bearer)
    for response in (by_path, by_header):
        assert response.status_code == 200
        run = response.json()["pipeline_run"]
        assert (run["status"], run["pipeline_uuid"]) == ("initial", "shop")
        assert run["variables"] == {"limit": 3, "env": "prod"}
        assert run["pipeline_schedule_id"] == trigger["id"]
        with project.runs.store.transaction(read_only=True) as tx:
            assert tx.run(run["id"]).status is RunStatus.QUEUED
    assert by_path.json()["pipeline_run"]["id"] != by_header.json()["pipeline_run"]["id"]
    as_problem(anyone.post("/api/pipeline_schedules/98/pipeline_runs/wrong", json=body), 404)
    as_problem(anyone.post("/api/pipeline_schedules/98/api_trigger", json=body), 401)
    as_problem(
        anyone.post(f"/api/pipeline_schedules/98/pipeline_runs/{trigger['token']}", json={"pipeline_run": 5}), 422
    )
    editor.post(f"{URL}/{trigger['id']}/pause")
    as_problem(anyone.post("/api/pipeline_schedules/98/api_trigger", headers=bearer), 409)


def test_an_event_starts_every_trigger_that_waits_for_it_once(editor, project):
    for pipeline, match in (("shop", {"$.country": ["DE", "AT"]}), ("other", None)):
        settings = {"event": {"name": "order.paid", "match": match}}
        made(editor, {"pipeline": pipeline, "name": "paid", "kind": "event", "settings": settings})
    event = {"name": "order.paid", "payload": {"country": "AT"}, "dedupe_key": "order-1"}
    sent = editor.post("/api/v1/events", json=event)
    assert sent.status_code == 202
    runs = sent.json()["items"]
    assert sorted(run["pipeline"] for run in runs) == ["other", "shop"]
    again = editor.post("/api/v1/events", json=event).json()["items"]
    assert sorted(run["id"] for run in again) == sorted(run["id"] for run in runs)
    as_problem(editor.post("/api/v1/events", json={**event, "payload": {"country": "DE"}}), 409)
    france = editor.post("/api/v1/events", json={**event, "payload": {"country": "FR"}, "dedupe_key": "order-2"})
    assert [run["pipeline"] for run in france.json()["items"]] == ["other"]
    assert editor.post("/api/v1/events", json={"name": "order.lost"}).json()["items"] == []
    as_problem(editor.post("/api/v1/events", json={"name": "order.paid", "payload": 5}), 422)
    with project.client(Role.VIEWER) as viewer:
        as_problem(viewer.post("/api/v1/events", json=event), 403)


def test_the_list_comes_in_pages(editor):
    for number in range(5):
        made(editor, name=f"t{number}")
    seen, cursor = [], None
    while cursor is not None or not seen:
        page = editor.get(URL, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [item["name"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == [f"t{number}" for number in range(5)]
    as_problem(editor.get(URL, params={"cursor": "nothing"}), 422)


def test_changes_are_in_the_audit_trail_and_a_viewer_may_only_look(editor, project):
    trigger = made(editor, ON_CALL)
    editor.post(f"{URL}/{trigger['id']}/token")
    editor.delete(f"{URL}/{trigger['id']}")
    with project.client(Role.OWNER) as owner, project.client(Role.VIEWER) as viewer:
        trail = owner.get("/api/v1/audit-events").json()["items"]
        assert [item["action"] for item in trail if item["target"] == "shop/on call"] == [
            "trigger.delete",
            "trigger.token",
            "trigger.create",
        ]
        as_problem(viewer.post(URL, json=NIGHTLY), 403)
        assert viewer.get(URL).status_code == 200


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31"])
@pytest.mark.parametrize("more", [{"schedule_interval": "@daily"}, {"interval_seconds": 300000000}])
def test_a_time_at_the_end_of_the_calendar_is_refused(editor, at, more):
    for field in ("start_time", "end_time"):
        problem = as_problem(editor.post(f"{URL}/preview", json={"settings": {**more, field: at}}), 422)
        assert problem["errors"][0]["path"] == f"body.settings.{field}"
