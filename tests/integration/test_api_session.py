"""Signing in from a browser: cookie, forgery, links, setup, guessing; and where nobody signs in."""

from __future__ import annotations

import pytest

from penstock_runtime.auth.accounts import COMMAND_LINE
from penstock_runtime.ports.account_store import Role
from penstock_runtime.server.session.schemas import Session
from support.api_stack import PASSWORD, as_problem, open_stack, serving

COOKIE = "penstock_session"
RUNS = "/api/v1/pipelines/flights/runs"


@pytest.fixture
def ada(stack):
    return stack.accounts.create_user(COMMAND_LINE, "ada", Role.ADMIN, PASSWORD)


@pytest.fixture
def browser(api, ada):
    with api.client(None, Origin=api.url) as client:
        yield client


def sign_in(client, password: str = PASSWORD, name: str = "ada"):
    return client.post("/api/v1/session", json={"name": name, "password": password})


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(browser):
    response = sign_in(browser)
    assert response.status_code == 201
    Session.model_validate(response.json())
    cookie = response.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/", "Max-Age=604800"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert response.json()["csrf_token"] not in cookie
    me = browser.get("/api/v1/session").json()
    assert (me["name"], me["role"], me["auth_mode"]) == ("ada", "admin", "password")
    assert me["csrf_token"] == response.json()["csrf_token"]


def test_over_https_the_cookie_is_secure(tmp_path):
    with open_stack(tmp_path, public_url="https://penstock.example.org") as stack, serving(stack) as api:
        stack.accounts.create_user(COMMAND_LINE, "ada", Role.ADMIN, PASSWORD)
        with api.client(None, Origin="https://penstock.example.org") as client:
            response = sign_in(client)
            assert "Secure" in response.headers["set-cookie"]
            assert "strict-transport-security" in response.headers


def test_an_unsafe_request_must_repeat_the_token(browser):
    token = sign_in(browser).json()["csrf_token"]
    as_problem(browser.post(RUNS), 403)
    as_problem(browser.post(RUNS, headers={"X-CSRF-Token": token[:-1]}), 403)
    as_problem(browser.post(RUNS, headers={"X-CSRF-Token": ""}), 403)
    assert browser.post(RUNS, headers={"X-CSRF-Token": token}).status_code == 202


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", "http://localhost:1"])
def test_another_sites_page_is_refused_even_with_the_token(browser, origin):
    token = sign_in(browser).json()["csrf_token"]
    headers = {"X-CSRF-Token": token, "Origin": origin}
    as_problem(browser.post(RUNS, headers=headers), 403)


def test_another_sites_page_cannot_sign_one_in_as_somebody_else(browser):
    response = browser.post(
        "/api/v1/session", json={"name": "ada", "password": PASSWORD}, headers={"Origin": "https://evil.example"}
    )
    as_problem(response, 403)
    assert "set-cookie" not in response.headers


def test_a_page_of_another_site_without_origin_is_known_by_its_fetch_metadata(api, ada):
    with api.client(None) as client:
        token = sign_in(client).json()["csrf_token"]
        headers = {"X-CSRF-Token": token, "Sec-Fetch-Site": "cross-site"}
        as_problem(client.post(RUNS, headers=headers), 403)


def test_signing_out_ends_the_session_everywhere_it_is_held(api, browser):
    token = sign_in(browser).json()["csrf_token"]
    stolen = browser.cookies[COOKIE]
    assert browser.delete("/api/v1/session", headers={"X-CSRF-Token": token}).status_code == 204
    assert COOKIE not in browser.cookies
    with api.client(None, Cookie=f"{COOKIE}={stolen}") as thief:
        as_problem(thief.get("/api/v1/session"), 401)


def test_a_wrong_password_is_a_401_and_guessing_a_429(browser, stack):
    for _ in range(5):
        as_problem(sign_in(browser, "not the password"), 401)
    response = sign_in(browser)
    as_problem(response, 429)
    assert response.headers["retry-after"] == "1"
    stack.clock.advance(2)
    assert sign_in(browser).status_code == 201


def test_changing_ones_password(browser):
    token = sign_in(browser).json()["csrf_token"]
    headers = {"X-CSRF-Token": token}
    url = "/api/v1/session/password"
    wrong = browser.post(url, json={"current": "not this", "new": "another password"}, headers=headers)
    assert as_problem(wrong, 422)["errors"][0]["path"] == "body.current"
    assert browser.post(url, json={"current": PASSWORD, "new": "another password"}, headers=headers).status_code == 204
    as_problem(browser.get("/api/v1/session"), 401)
    assert sign_in(browser, "another password").status_code == 201


def test_a_sign_in_link_works_once(api, ada):
    with api.client() as owner:
        link = owner.post(f"/api/v1/users/{ada.id}/sign-in-link").json()["url"]
    path = link.removeprefix(api.stack.services.settings.public_url)
    with api.client(None) as first, api.client(None) as second:
        for look in range(3):  # previews of links look; only the button signs in
            shown = first.get(path)
            assert (look, shown.status_code, shown.headers["cache-control"]) == (look, 200, "no-store")
            assert '<form method="post"><button autofocus>' in shown.text
            assert "set-cookie" not in shown.headers
        as_problem(first.post(path, headers={"Origin": "https://evil.example"}), 403)
        response = first.post(path, headers={"Origin": api.url})
        assert (response.status_code, response.headers["location"]) == (303, "/")
        assert response.headers["cache-control"] == "no-store"
        assert first.get("/api/v1/session").json()["name"] == "ada"
        used = second.post(path)
        assert used.status_code == 401
        assert "has been used" in used.text
        assert used.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("code", ["x", "%00", "%F0%9F%98%80", "<script>alert(1)<script>", "a" * 200])
def test_a_made_up_link_is_a_plain_page(api, code):
    with api.client(None) as client:
        response, shown = client.post(f"/sign-in/{code}"), client.get(f"/sign-in/{code}")
    assert (response.status_code, shown.status_code) in {(401, 200), (404, 404)}
    assert "<script>" not in response.text + shown.text


def test_a_failure_is_logged_by_its_route_and_never_with_a_code(api, monkeypatch, caplog):
    def broken(*_args):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(api.stack.services.authentication, "sign_in_with_code", broken)
    with api.client(None) as client:
        as_problem(client.post("/sign-in/the-very-code%0Aforged"), 500)
    [record] = [one for one in caplog.records if "unexpected error" in one.message]
    assert "'/sign-in/{code}'" in record.message
    assert "the-very-code" not in caplog.text


def test_changing_ones_password_ends_the_links_too(browser, stack, ada):
    code = stack.accounts.sign_in_code(COMMAND_LINE, ada.id)
    token = sign_in(browser).json()["csrf_token"]
    body = {"current": PASSWORD, "new": "another password"}
    assert browser.post("/api/v1/session/password", json=body, headers={"X-CSRF-Token": token}).status_code == 204
    assert browser.post(f"/sign-in/{code}").status_code == 401


def test_setup_by_the_one_time_code(api):
    code = api.stack.services.authentication.new_setup_code()
    with api.client(None) as client:
        assert client.get("/api/v1/setup").json() == {"needed": True}
        body = {"code": code, "name": "grace", "password": PASSWORD}
        as_problem(client.post("/api/v1/setup", json=body | {"code": "guess"}), 401)
        as_problem(client.post("/api/v1/setup", json=body | {"password": "short"}), 422)
        assert client.post("/api/v1/setup", json=body).json()["role"] == "owner"
        assert client.get("/api/v1/session").json()["name"] == "grace"
        assert client.get("/api/v1/setup").json() == {"needed": False}
        as_problem(client.post("/api/v1/setup", json=body), 409)


def test_users_and_keys_over_http(api):
    with api.client(Role.ADMIN) as admin:
        made = admin.post("/api/v1/users", json={"name": "bob", "role": "editor", "password": PASSWORD})
        assert made.status_code == 201
        user = made.json()
        assert "password_hash" not in user
        assert PASSWORD not in made.text
        as_problem(admin.post("/api/v1/users", json={"name": "BOB", "role": "editor"}), 409)
        as_problem(admin.post("/api/v1/users", json={"name": "eve", "role": "owner"}), 403)
        as_problem(admin.post("/api/v1/users", json={"name": "eve", "role": "king"}), 422)
        changed = admin.patch(f"/api/v1/users/{user['id']}", json={"role": "viewer", "disabled": True}).json()
        assert changed["role"] == "viewer"
        assert changed["disabled_at"] is not None
        assert [each["name"] for each in admin.get("/api/v1/users").json()["items"]] == ["bob"]
        key = admin.post("/api/v1/api-keys", json={"name": "ci", "role": "viewer"}).json()
        assert key["key"].startswith(key["prefix"])
        listed = admin.get("/api/v1/api-keys")
        assert key["key"] not in listed.text
        assert admin.delete(f"/api/v1/users/{user['id']}").status_code == 204
        as_problem(admin.get(f"/api/v1/users/{user['id']}"), 404)
        events = admin.get("/api/v1/audit-events?limit=3").json()
        assert [event["action"] for event in events["items"]] == ["user.delete", "api_key.create", "user.change"]
        assert events["next_cursor"] is not None


def test_secrets_go_in_and_never_come_back(api):
    value = "s3cret-väl ue"
    with api.client(Role.EDITOR) as editor:
        assert editor.put("/api/v1/secrets/API_TOKEN", json={"value": value}).status_code == 200
        listed, one = editor.get("/api/v1/secrets"), editor.get("/api/v1/secrets/API_TOKEN")
        assert listed.json()["writable"] is True
        assert one.json()["updated_by"] == "api-key:test-editor"
        assert value not in listed.text + one.text
        for bad in ({"value": ""}, {"value": "a\0b"}, {"value": "x" * 70_000}, {"val": "x"}):
            as_problem(editor.put("/api/v1/secrets/API_TOKEN", json=bad), 422)
        as_problem(editor.put("/api/v1/secrets/9bad", json={"value": "x"}), 422)
        assert api.stack.services.secrets.value("API_TOKEN") == value
        stored = api.stack.stored_bytes()
        assert b"API_TOKEN" in stored
        assert value.encode() not in stored
        assert editor.delete("/api/v1/secrets/API_TOKEN").status_code == 204
        as_problem(editor.delete("/api/v1/secrets/API_TOKEN"), 404)
    assert value not in repr(api.stack.accounts.audit_events(50).items)


@pytest.mark.parametrize(("trusted", "seen"), [((), "127.0.0.1"), (("127.0.0.1",), "203.0.113.9")])
def test_only_a_proxy_that_was_named_says_who_is_asking(tmp_path, trusted, seen):
    with open_stack(tmp_path) as stack, serving(stack, trusted_proxies=trusted) as api, api.client(None) as client:
        client.headers["X-Forwarded-For"] = "203.0.113.9"
        as_problem(sign_in(client), 401)
        assert stack.accounts.audit_events(1).items[0].address == seen


@pytest.fixture
def open_api(tmp_path):
    with open_stack(tmp_path, auth="none") as stack, serving(stack) as running:
        yield running


def test_where_nobody_signs_in_everyone_on_this_machine_is_the_owner(open_api):
    with open_api.client(None) as client:
        me = client.get("/api/v1/session").json()
        assert (me["role"], me["csrf_token"], me["auth_mode"]) == ("owner", None, "none")
        assert client.post(RUNS).status_code == 202
        assert client.get("/api/v1/setup").json() == {"needed": False}
        as_problem(client.post("/api/v1/session", json={"name": "a", "password": "b"}), 409)
        assert client.get("/sign-in/anything").headers["location"] == "/"
        assert client.post("/sign-in/anything").headers["location"] == "/"


def test_where_nobody_signs_in_other_sites_are_refused(open_api):
    with open_api.client(None) as client:
        as_problem(client.post(RUNS, headers={"Origin": "https://evil.example"}), 403)
        as_problem(client.post(RUNS, headers={"Sec-Fetch-Site": "cross-site"}), 403)
        as_problem(client.get("/api/v1/runs", headers={"Host": "evil.example"}), 403)
        as_problem(client.get("/api/v1/runs", headers={"Host": "127.0.0.1.evil.example:80"}), 403)
        assert client.get("/api/v1/runs", headers={"Host": "localhost:6789"}).status_code == 200
