"""Every route asks its rule: by construction, and seen from outside for every role."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.routing import APIWebSocketRoute

from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.authentication import RANK
from penstock_runtime.server.app import bare_app
from penstock_runtime.server.routing import Access, Answer, GuardedRoute, Routes
from penstock_runtime.server.services import ServerSettings
from support.api_stack import as_problem

APP = bare_app(ServerSettings())
ROUTES = [route for route in APP.routes if isinstance(route, GuardedRoute)]
PUBLIC = {
    ("GET", "/api/v1/setup"),
    ("POST", "/api/v1/setup"),
    ("POST", "/api/v1/session"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
    ("GET", "/sign-in/{code}"),
    ("POST", "/sign-in/{code}"),
    ("POST", "/api/pipeline_schedules/{schedule_id}/pipeline_runs/{token}"),
    ("POST", "/api/pipeline_schedules/{schedule_id}/api_trigger"),
}
VALUES = {"run_id": "00000000-0000-7000-8000-000000000000", "block": "load", "slug": "nothing-here"}


def address(route: GuardedRoute) -> str:
    return re.sub(r"{(\w+)(:\w+)?}", lambda match: VALUES.get(match[1], "nothing-here"), route.path)


def name(route: GuardedRoute) -> str:
    return f"{min(route.methods)} {route.path}"


def test_every_route_of_the_app_has_a_rule():
    without = [route for route in APP.routes if not isinstance(getattr(route.endpoint, "__access__", None), Access)]
    assert without == []
    assert all(isinstance(route, GuardedRoute | APIWebSocketRoute) for route in APP.routes)


def test_public_routes_are_these_and_each_says_why():
    found = {(min(route.methods), route.path): route.access.reason for route in ROUTES if route.access.role is None}
    assert found.keys() == PUBLIC
    assert all(len(reason.split()) >= 3 for reason in found.values())


def test_a_route_cannot_be_made_without_a_rule():
    with pytest.raises(TypeError):
        Routes("x").get("/x", Answer())
    with pytest.raises(AttributeError, match="__access__"):
        FastAPI().router.add_api_route("/x", lambda: None, route_class_override=GuardedRoute)


def test_operation_ids_are_the_handlers_names_and_unique():
    ids = [route.operation_id for route in ROUTES]
    assert ids == [route.endpoint.__name__ for route in ROUTES]
    assert len(set(ids)) == len(ids)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    from support.api_stack import open_stack, serving

    with open_stack(tmp_path_factory.mktemp("matrix")) as stack, serving(stack) as running:
        yield running


@pytest.mark.parametrize("role", [None, *Role], ids=lambda role: role.value if role else "nobody")
@pytest.mark.parametrize("route", [r for r in ROUTES if r.access.role], ids=name)
def test_each_route_lets_in_who_it_should(shared, route, role):
    with shared.client(role) as client:
        response = client.request(min(route.methods), address(route))
    if role is None:
        as_problem(response, 401)
        assert response.headers["www-authenticate"] == "Bearer"
    elif RANK[role] < RANK[route.access.role]:
        as_problem(response, 403)
    else:
        assert response.status_code not in {401, 403}
        assert response.status_code < 500


@pytest.mark.parametrize("bearer", ["pen_wrong", "pen_" + "A" * 43, "-", "x y z"])
def test_a_wrong_key_is_nobody(shared, bearer):
    with shared.client(None, Authorization=f"Bearer {bearer}") as client:
        as_problem(client.get("/api/v1/runs"), 401)


def test_the_rule_comes_before_the_body(shared):
    with shared.client(Role.VIEWER) as client:
        response = client.post("/api/v1/pipelines/flights/runs", content=b"{not json")
        as_problem(response, 403)


def test_a_revoked_key_is_nobody(api):
    with api.client(Role.VIEWER) as client:
        assert client.get("/api/v1/runs").status_code == 200
        key = next(key for key in api.stack.accounts.api_keys() if key.role is Role.VIEWER)
        with api.client(Role.ADMIN) as admin:
            assert admin.delete(f"/api/v1/api-keys/{key.id}").status_code == 204
        as_problem(client.get("/api/v1/runs"), 401)
