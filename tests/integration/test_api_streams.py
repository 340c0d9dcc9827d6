"""Logs, read and followed, and the events socket; and how both end."""

from __future__ import annotations

import base64
import json
import threading
import time
import zlib

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from penstock_runtime.auth.accounts import COMMAND_LINE
from penstock_runtime.domain.runs import ExitReason
from penstock_runtime.domain.verdicts import AttemptOutcome
from penstock_runtime.ports.account_store import Role
from penstock_runtime.ports.log_store import encode_line, log_key
from penstock_runtime.ports.wakeups import Wakeup
from penstock_runtime.server.logs.schemas import LogPage
from support.api_stack import as_problem
from support.attempts import claim, finish
from support.waiting import wait_until

RUNS = "/api/v1/pipelines/hourly/runs"
DONE = {"status": "succeeded", "error": None, "outputs": [], "fan_out": None, "tests": [], "used_tables": False}


def write(stack, attempt, *texts: str) -> None:
    key = log_key(attempt)
    stack.services.logs.append(key, b"".join(encode_line("2026-03-04T05:06:07Z", "INFO", text) for text in texts))


def end(stack, attempt) -> None:
    finish(stack, attempt, AttemptOutcome(attempt.id, ExitReason.SUCCESS, result=DONE))


@pytest.fixture
def attempt(owner, stack):
    owner.post(RUNS)
    [made] = claim(stack)
    return made


def test_logs_are_read_on_from_the_cursor(owner, stack, attempt):
    url = f"/api/v1/runs/{attempt.run_id}/logs"
    write(stack, attempt, "one", "two", "three")
    first = owner.get(url, params={"limit": 2}).json()
    LogPage.model_validate(first)
    assert [line["message"] for line in first["items"]] == ["one", "two"]
    assert (first["items"][0]["block"], first["items"][0]["attempt"], first["items"][0]["map_index"]) == (
        "one",
        1,
        None,
    )
    second = owner.get(url, params={"after": first["next_cursor"]}).json()
    assert [line["message"] for line in second["items"]] == ["three"]
    assert not second["complete"]
    write(stack, attempt, "four")
    end(stack, attempt)
    last = owner.get(url, params={"after": second["next_cursor"]}).json()
    assert [line["message"] for line in last["items"]] == ["four"]
    assert last["complete"]
    assert owner.get(url, params={"after": last["next_cursor"]}).json()["items"] == []


def test_logs_are_narrowed_by_block_and_attempt(owner, stack, attempt):
    write(stack, attempt, "one")
    url = f"/api/v1/runs/{attempt.run_id}/logs"
    assert len(owner.get(url, params={"block": "one", "attempt": 1}).json()["items"]) == 1
    assert owner.get(url, params={"block": "other"}).json()["items"] == []
    assert owner.get(url, params={"attempt": 2}).json()["items"] == []


def test_a_made_up_log_cursor_is_the_callers_fault(owner, attempt):
    url = f"/api/v1/runs/{attempt.run_id}/logs"
    for cursor in ("x", "AAAA", "%00", "eJw=", "eJyLVjA0MDQAAARsAU0", "é"):
        as_problem(owner.get(f"{url}?after={cursor}"), 422)


@pytest.mark.parametrize("offset", ["Infinity", "NaN", "1e999", "-1", str(1 << 63), "9" * 400, "1.5", '"1"', "null"])
def test_a_cursor_with_a_place_that_no_file_has_is_the_callers_fault(owner, attempt, offset):
    packed = zlib.compress(f'[{{"{attempt.id}": {offset}}}, []]'.encode())
    cursor = base64.urlsafe_b64encode(packed).decode().rstrip("=")
    for follow in ("false", "true"):
        url = f"/api/v1/runs/{attempt.run_id}/logs?after={cursor}&follow={follow}"
        as_problem(owner.get(url), 422)


def events_of(response: httpx.Response):
    """Yield (event, id, data) as they come."""
    found: dict[str, str] = {}
    for line in response.iter_lines():
        if not line and "data" in found:
            yield found["event"], found.get("id"), json.loads(found["data"])
        if not line:
            found = {}
        name, _, value = line.partition(": ")
        found[name] = value


def test_following_gives_lines_as_they_come_and_the_end(owner, stack, attempt):
    write(stack, attempt, "one")
    wakeup = Wakeup("log", f"{attempt.run_id}/one//1")
    with owner.stream("GET", f"/api/v1/runs/{attempt.run_id}/logs?follow=true") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["cache-control"] == "no-store"
        events = events_of(response)
        name, _, lines = next(events)
        assert (name, [line["message"] for line in lines]) == ("lines", ["one"])
        write(stack, attempt, "two", "three")
        stack.wakeups.deliver(wakeup)
        _, cursor, lines = next(events)
        assert [line["message"] for line in lines] == ["two", "three"]
        end(stack, attempt)
        stack.wakeups.deliver(Wakeup("run", attempt.run_id))
        assert [(name, data) for name, _, data in events] == [("end", {"status": "succeeded"})]
    again = {"Last-Event-ID": cursor}
    with owner.stream("GET", f"/api/v1/runs/{attempt.run_id}/logs?follow=true", headers=again) as response:
        assert [name for name, _, _ in events_of(response)] == ["end"]


def test_a_lost_wake_up_costs_a_poll_and_no_line(owner, stack, attempt):
    with owner.stream("GET", f"/api/v1/runs/{attempt.run_id}/logs?follow=true") as response:
        events = events_of(response)
        write(stack, attempt, "unannounced")
        _, _, lines = next(events)
        assert [line["message"] for line in lines] == ["unannounced"]
        end(stack, attempt)
        assert [name for name, _, _ in events] == ["end"]


def test_many_lines_come_in_batches_without_loss(owner, stack, attempt):
    write(stack, attempt, *(f"line {number}" for number in range(1700)))
    end(stack, attempt)
    with owner.stream("GET", f"/api/v1/runs/{attempt.run_id}/logs?follow=true") as response:
        batches = [data for name, _, data in events_of(response) if name == "lines"]
    assert [line["message"] for batch in batches for line in batch] == [f"line {number}" for number in range(1700)]
    assert max(len(batch) for batch in batches) <= 500


def socket_to(api, **options):
    url = api.url.replace("http", "ws") + "/api/v1/events"
    headers = {"Authorization": f"Bearer {api.stack.key(options.pop('role', Role.VIEWER))}"}
    return connect(url, additional_headers=options.pop("headers", headers), **options)


def subscribe(socket, *topics: str) -> None:
    socket.send(json.dumps({"subscribe": list(topics)}))
    assert json.loads(socket.recv(5)) == {"subscribed": sorted(topics)}


def closed_with(socket) -> int:
    """Return the code that the server closes with."""
    with pytest.raises(ConnectionClosed) as caught:
        list(iter(lambda: socket.recv(10), None))
    return caught.value.rcvd.code


def test_changes_reach_those_who_subscribed_to_them(api, stack, attempt):
    other = "00000000-0000-7000-8000-000000000000"
    with socket_to(api) as socket:
        subscribe(socket, f"run:{attempt.run_id}", "pipelines")
        stack.wakeups.deliver(Wakeup("run", other), Wakeup("run", attempt.run_id), Wakeup("code", "abc"))
        assert json.loads(socket.recv(5)) == {"topic": f"run:{attempt.run_id}", "key": attempt.run_id}
        assert json.loads(socket.recv(5)) == {"topic": "pipelines", "key": "abc"}
        socket.send(json.dumps({"unsubscribe": ["pipelines"]}))
        assert json.loads(socket.recv(5)) == {"subscribed": [f"run:{attempt.run_id}"]}


def test_a_run_started_here_is_told_to_this_servers_own_pages(api, owner):
    with socket_to(api) as socket:
        subscribe(socket, "runs")
        run_id = owner.post(RUNS).json()["id"]
        assert json.loads(socket.recv(5)) == {"topic": "runs", "key": run_id}


def test_a_flood_collapses_and_nobody_runs_out_of_memory(api, stack):
    with socket_to(api) as socket:
        subscribe(socket, "runs")
        stack.wakeups.deliver(*(Wakeup("run", f"run {number}") for number in range(5000)))
        seen = []
        while not any(change["key"] == "run 4999" for change in seen):
            seen.append(json.loads(socket.recv(5)))
    assert len(seen) < 1100
    assert {"topic": "runs", "key": ""} in seen


SENSELESS = (
    "",
    "x",
    "[]",
    "{}x",
    '{"subscribe": "runs"}',
    '{"subscribe": [1]}',
    '{"subscribe": ["users"]}',
    '{"do": []}',
    '{"subscribe": ["run:../../x"]}',
    "[" * 10_000,
    json.dumps({"subscribe": ["runs"] * 5000}),
)


def test_a_message_that_makes_no_sense_ends_the_socket(shared):
    for message in SENSELESS:
        with socket_to(shared) as socket:
            socket.send(message)
            assert closed_with(socket) == 4400


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    from support.api_stack import open_stack, serving

    with open_stack(tmp_path_factory.mktemp("socket"), recheck_seconds=0.1) as stack, serving(stack) as running:
        yield running


def test_bytes_and_endless_messages_end_the_socket(shared):
    for message in (b"\xff\xfe", "x" * 70_000):
        with socket_to(shared) as socket:
            socket.send(message)
            assert closed_with(socket) in {4400, 1003, 1007, 1009, 1011}


def test_the_socket_needs_a_credential_and_its_own_page(shared):
    with socket_to(shared, headers={}) as socket:
        assert closed_with(socket) == 4401
    with socket_to(shared, origin="https://evil.example") as socket:
        assert closed_with(socket) == 4403
    with socket_to(shared, origin=shared.url) as socket:
        subscribe(socket, "runs")


def test_a_revoked_key_loses_its_socket(shared):
    accounts = shared.stack.accounts
    key, secret = accounts.create_api_key(COMMAND_LINE, "short-lived", Role.VIEWER)
    with socket_to(shared, headers={"Authorization": f"Bearer {secret}"}) as socket:
        subscribe(socket, "runs")
        accounts.revoke_api_key(COMMAND_LINE, key.id)
        assert closed_with(socket) == 4401


def test_a_revoked_key_loses_the_logs_it_follows(shared):
    run_id = shared.stack.run("hourly").id
    accounts = shared.stack.accounts
    key, secret = accounts.create_api_key(COMMAND_LINE, "short-lived", Role.VIEWER)
    with (
        shared.client(None, Authorization=f"Bearer {secret}") as client,
        client.stream("GET", f"/api/v1/runs/{run_id}/logs?follow=true") as response,
    ):
        assert response.status_code == 200
        accounts.revoke_api_key(COMMAND_LINE, key.id)
        assert [name for name, _, _ in events_of(response)] == ["problem"]


def test_nobody_follows_more_logs_at_once_than_they_may(tmp_path):
    from support.api_stack import open_stack, serving

    with open_stack(tmp_path, max_streams=2) as stack, serving(stack) as api, api.client() as client:
        url = f"/api/v1/runs/{stack.run('hourly').id}/logs?follow=true"
        with client.stream("GET", url) as first, client.stream("GET", url) as second:
            going = [response.iter_raw() for response in (first, second)]
            assert all(next(one) for one in going)  # comments, as there is no line; let go, they would close
            as_problem(client.get(url), 429)
            with api.client(Role.VIEWER) as other, other.stream("GET", url) as response:
                assert response.status_code == 200
        wait_until(lambda: stack.services.hub.open_streams("api-key:test-owner") == 0, 10, "a closed stream counts on")
        with client.stream("GET", url) as response:
            assert response.status_code == 200


def test_stopping_ends_open_streams_at_once(api, owner, stack, attempt):
    began = time.monotonic()
    with owner.stream("GET", f"/api/v1/runs/{attempt.run_id}/logs?follow=true") as response, socket_to(api) as socket:
        subscribe(socket, "runs")
        threading.Thread(target=api.server.stop).start()
        assert closed_with(socket) in {1001, 1012}
        assert [name for name, _, _ in events_of(response)] == []
    assert time.monotonic() - began < 5


def test_a_socket_is_no_page(owner):
    as_problem(owner.get("/api/v1/events"), 405)
    with pytest.raises(InvalidStatus), connect(str(owner.base_url).replace("http", "ws") + "/api/v1/runs"):
        pass
