"""Pipelines, sources, triggers, cluster, metrics and the page over HTTP."""

from __future__ import annotations

import pytest

from penstock_runtime.domain.errors import StoreUnavailable
from penstock_runtime.domain.runs import Member
from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.run_store import Trigger
from penstock_runtime.server.cluster.schemas import Cluster
from penstock_runtime.server.pipelines.schemas import Graph, Pipeline, PipelinePage
from penstock_runtime.server.triggers.schemas import TriggerList
from support.api_stack import as_problem

SOURCE = "/api/v1/pipelines/flights/blocks/nested/clean/source"


def test_the_list_has_every_pipeline_with_its_problems_and_its_newest_run(owner):
    run_id = owner.post("/api/v1/pipelines/flights/runs").json()["id"]
    body = owner.get("/api/v1/pipelines").json()
    PipelinePage.model_validate(body)
    found = {item["slug"]: item for item in body["items"]}
    assert list(found) == ["broken", "flights", "hourly"]
    assert found["broken"]["problems"] != []
    assert found["flights"]["last_run"]["id"] == run_id
    assert found["hourly"]["last_run"] is None


def test_the_list_comes_in_pages(owner):
    first = owner.get("/api/v1/pipelines?limit=2").json()
    second = owner.get("/api/v1/pipelines", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["slug"] for item in first["items"] + second["items"]] == ["broken", "flights", "hourly"]
    assert second["next_cursor"] is None


def test_a_pipeline_whole_and_its_graph(owner):
    response = owner.get("/api/v1/pipelines/flights")
    Pipeline.model_validate(response.json())
    assert response.json()["definition"] == "name: flights\n"
    assert response.headers["etag"].strip('"')
    graph = owner.get("/api/v1/pipelines/flights/graph").json()
    Graph.model_validate(graph)
    assert [(node["slug"], node["layer"], node["mapped_by"]) for node in graph["nodes"]] == [
        ("load", 0, None),
        ("nested/clean", 1, "load"),
        ("export", 2, "nested/clean"),
    ]
    assert {"upstream": "load", "downstream": "nested/clean"} in graph["edges"]
    assert graph["attachments"] == [
        {"slug": "tell", "kind": "callback", "block": "export"},
        {"slug": "weekday", "kind": "conditional", "block": "export"},
    ]
    as_problem(owner.get("/api/v1/pipelines/unknown"), 404)
    as_problem(owner.get("/api/v1/pipelines/unknown/graph"), 404)


def test_a_source_is_saved_from_the_text_it_began_from_only(owner, stack):
    read = owner.get(SOURCE)
    etag = read.headers["etag"]
    assert read.json()["text"] == "# nested/clean\n"
    assert read.json()["etag"] == etag.strip('"')
    as_problem(owner.put(SOURCE, json={"text": "x = 1\n"}), 428)
    saved = owner.put(SOURCE, json={"text": "x = 1\n"}, headers={"If-Match": etag})
    assert saved.status_code == 200
    assert saved.headers["etag"] != etag
    late = as_problem(owner.put(SOURCE, json={"text": "y = 2\n"}, headers={"If-Match": etag}), 409)
    assert late["current"] == {"text": "x = 1\n", "etag": saved.json()["etag"]}
    assert stack.accounts.audit_events(1).items[0].target == "flights/nested/clean"


def test_unknown_sources_are_not_found_and_bad_text_is_refused(owner):
    as_problem(owner.get("/api/v1/pipelines/flights/blocks/unknown/source"), 404)
    as_problem(owner.get("/api/v1/pipelines/unknown/blocks/load/source"), 404)
    for text in ("a\0b", "x" * 2_000_001):
        as_problem(owner.put(SOURCE, json={"text": text}, headers={"If-Match": '"x"'}), 422)
    half_a_pair = b'{"text": "\\ud800"}'
    headers = {"If-Match": '"x"', "Content-Type": "application/json"}
    as_problem(owner.put(SOURCE, content=half_a_pair, headers=headers), 422)


def test_a_pipeline_is_made_changed_and_removed(owner):
    url = "/api/v1/pipelines/fresh"
    as_problem(owner.put(url, json={"definition": "name: fresh\n"}), 428)
    made = owner.put(url, json={"definition": "name: fresh\n"}, headers={"If-None-Match": "*"})
    assert made.status_code == 200
    again = owner.put(url, json={"definition": "name: other\n"}, headers={"If-None-Match": "*"})
    as_problem(again, 409)
    etag = made.headers["etag"]
    assert owner.put(url, json={"definition": "name: f\n"}, headers={"If-Match": etag}).status_code == 200
    assert owner.delete(url).status_code == 204
    as_problem(owner.delete(url), 404)


def test_triggers_are_listed_without_their_tokens(owner, stack):
    trigger = Trigger(
        "0196d000-0000-7000-8000-000000000001",
        "flights",
        "hourly",
        "api",
        active=True,
        settings={"token": "top-secret", "sla": 60},
        created_at=stack.clock.now(),
        updated_at=stack.clock.now(),
    )
    with stack.services.runs.store.transaction() as tx:
        tx.put_trigger(trigger)
    response = owner.get("/api/v1/triggers?pipeline=flights")
    TriggerList.model_validate(response.json())
    assert "top-secret" not in response.text
    [found] = response.json()["items"]
    assert found["settings"] == {"sla": 60}
    assert owner.get(f"/api/v1/triggers/{found['id']}").json() == found
    as_problem(owner.get("/api/v1/triggers/none"), 404)
    assert owner.get("/api/v1/triggers?pipeline=hourly").json()["items"] == []


def test_the_cluster_has_its_members_and_its_load(owner, stack):
    now = stack.clock.now()
    with stack.services.runs.store.transaction() as tx:
        for name, role in (("s1", "scheduler"), ("w1", "web")):
            tx.join(Member(name, role, 0, "box", 42, now, now, now.replace(year=2030), standby=False))
    owner.post("/api/v1/pipelines/flights/runs")
    body = owner.get("/api/v1/cluster").json()
    Cluster.model_validate(body)
    assert {"id", "role", "host", "pid", "started_at", "seen_at"} <= body["schedulers"][0].keys()
    assert [member["id"] for member in body["web_servers"]] == ["w1"]
    assert body["queue"]["block_runs_ready"] == 1


def test_probes_and_metrics_need_no_credential_and_name_nobody(api, stack):
    with api.client(Role.OWNER) as owner, api.client(None) as anyone:
        owner.post("/api/v1/pipelines/flights/runs")
        assert anyone.get("/healthz").json()["status"] == "ok"
        assert anyone.get("/readyz").json() == {"status": "ready"}
        text = anyone.get("/metrics").text
        assert "penstock_block_runs_ready 1.0" in text
        assert "penstock_database_up 1.0" in text
        assert 'route="/api/v1/pipelines/{slug}/runs",status="202"' in text
        assert "flights" not in text


class DeadStore:
    """A database that does not answer."""

    def transaction(self, *, read_only: bool = False):
        raise StoreUnavailable("connection to 10.0.0.7 refused for user penstock")


def test_without_a_database_the_server_says_so_and_lives(api, caplog):
    with api.client() as owner:
        owner.get("/api/v1/runs")
        object.__setattr__(api.stack.services.runs, "store", DeadStore())
        response = owner.get("/api/v1/runs")
        as_problem(response, 503)
        assert response.headers["retry-after"] == "1"
        assert "10.0.0.7" in caplog.text
        assert "10.0.0.7" not in response.text  # hosts and users are for the log
        as_problem(owner.post("/api/v1/pipelines/flights/runs"), 503)
        as_problem(owner.get("/readyz"), 503)
        assert owner.get("/healthz").status_code == 200
        api.stack.clock.advance(2)
        assert "penstock_database_up 0.0" in owner.get("/metrics").text


def test_a_fault_of_ours_is_a_plain_500_that_tells_nothing(api, caplog):
    class Broken:
        def transaction(self, *, read_only: bool = False):
            raise RuntimeError("the password is hunter2")

    with api.client() as owner:
        owner.get("/api/v1/runs")
        object.__setattr__(api.stack.services.runs, "store", Broken())
        response = owner.get("/api/v1/runs")
    as_problem(response, 500)
    assert "hunter2" not in response.text
    assert "content-security-policy" in response.headers
    assert "hunter2" in caplog.text


def test_without_a_built_page_it_says_how_to_build_it(owner):
    response = owner.get("/pipelines/flights")
    assert response.status_code == 503
    assert "make web" in response.text


@pytest.fixture
def page(stack):
    folder = stack.services.settings.static_dir
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<!doctype html><p>the page")
    (folder / "assets" / "app-1234.js").write_text("console.log(1)")
    (folder.parent / "outside.txt").write_text("not for the world")
    return folder


def test_the_page_is_served_with_its_router_in_charge(page, owner):
    for path in ("/", "/runs/x", "/pipelines/flights/edit"):
        response = owner.get(path)
        assert (response.status_code, response.headers["cache-control"]) == (200, "no-cache")
        assert "the page" in response.text
    asset = owner.get("/assets/app-1234.js")
    assert "immutable" in asset.headers["cache-control"]
    assert asset.headers["content-type"].startswith("text/javascript")
    as_problem(owner.get("/assets/gone.js"), 404)
    as_problem(owner.get("/api/v1/gone"), 404)
    as_problem(owner.get("/api/v2/gone"), 404)


@pytest.mark.parametrize(
    "path", ["/../outside.txt", "/..%2foutside.txt", "/assets/../../outside.txt", "/%2e%2e/outside.txt"]
)
def test_nothing_outside_the_folder_is_served(page, owner, path):
    assert "outside" not in owner.get(path).text.replace(path, "").replace("outside.txt", "")


def test_the_description_is_served_to_everyone(api):
    with api.client(None) as client:
        document = client.get("/api/v1/openapi.json").json()
    assert document["paths"]["/api/v1/runs"]["get"]["operationId"] == "list_runs"
