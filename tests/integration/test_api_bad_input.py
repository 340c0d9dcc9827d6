"""Whatever is sent, the server answers with a problem that says what is wrong, and never with a fault of its own."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock_runtime.server.openapi import openapi_schema
from support.api_stack import as_problem, open_stack, serving

DOCUMENT = openapi_schema()
OPERATIONS = {
    operation["operationId"]: (method, path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
RUNS = "/api/v1/pipelines/flights/runs"
NASTY = [
    *(
        "",
        " ",
        "\x00",
        "\ud800",
        "\u202e",
        "🦜",
        "..",
        "../..",
        "%",
        "%00",
        "-1",
        "0",
        "9" * 400,
        "1e999",
        "NaN",
        "null",
    ),
    *("true", "[]", "{}", "'; DROP TABLE runs;--", "<script>", "{{7*7}}", "a" * 5000, "2026-02-30T00:00:00Z"),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "99999999999999999999", "flights", "load", "failed"),
]
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
HEADERS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40).map(str.strip)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3))


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    with open_stack(tmp_path_factory.mktemp("fuzz")) as stack, serving(stack) as api, api.client() as client:
        run_id = client.post(RUNS).json()["id"]
        yield client, run_id


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def fitting(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of about the right shape: right types most of the time, so that the checks behind them are reached."""
    schema = resolved(schema)
    if "anyOf" in schema:
        return st.one_of(*(fitting(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema.get("type") == "object" and "properties" in schema:
        parts = {name: fitting(inner) | VALUES for name, inner in schema["properties"].items()}
        return st.fixed_dictionaries({}, optional=parts)
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": TEXTS,
        "integer": st.integers(-(10**20), 10**20),
        "number": st.floats(),
        "boolean": st.booleans(),
        "null": st.none(),
        "object": st.dictionaries(TEXTS, VALUES, max_size=3),
    }
    return kinds.get(schema.get("type", ""), VALUES)


def parameters(operation: dict[str, Any], where: str) -> list[dict[str, Any]]:
    return [each for each in operation.get("parameters", []) if each["in"] == where and each["name"] != "follow"]


def draw_path(data: st.DataObject, path: str, operation: dict[str, Any], run_id: str) -> str:
    known = {"run_id": run_id, "slug": "flights", "block": "load", "name": "SECRET"}
    for each in parameters(operation, "path"):
        choices = st.one_of(st.just(known.get(each["name"], "x")), TEXTS)
        value = data.draw(choices).encode("utf-8", "surrogatepass")
        path = path.replace(f"{{{each['name']}}}", quote(value, safe=""))
    return path


def draw_body(data: st.DataObject, operation: dict[str, Any]) -> bytes | None:
    body = operation.get("requestBody")
    if body is None:
        return None
    shape = fitting(body["content"]["application/json"]["schema"])
    value = data.draw(st.one_of(shape, shape, VALUES, st.binary(max_size=50)))
    return value if isinstance(value, bytes) else json.dumps(value).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(data=st.data())
def test_no_input_is_a_fault_of_ours(target, name, data):
    client, run_id = target
    method, path, operation = OPERATIONS[name]
    url = draw_path(data, path, operation, run_id)
    query = {each["name"]: str(data.draw(fitting(each["schema"]) | TEXTS)) for each in parameters(operation, "query")}
    shown = [
        quote(key) + "=" + quote(value.encode("utf-8", "surrogatepass"))
        for key, value in query.items()
        if data.draw(st.booleans())
    ]
    headers = {each["name"]: data.draw(HEADERS) for each in parameters(operation, "header")}
    headers["Content-Type"] = data.draw(st.sampled_from(["application/json", "application/json", "text/plain", "x"]))
    response = client.request(
        method, f"{url}?{'&'.join(shown)}", content=draw_body(data, operation), headers=headers, timeout=30
    )
    assert response.status_code < 500 or (response.status_code == 503 and "make web" in response.text), response.text
    if response.status_code >= 400 and url.startswith("/api/") and "make web" not in response.text:
        as_problem(response, response.status_code)


def send(client, body: bytes):
    return client.post(RUNS, content=body, headers={"Content-Type": "application/json"})


@pytest.mark.parametrize(
    "body",
    [
        b'{"variables": {"a": NaN}}',
        b'{"variables": {"a": Infinity}}',
        b'{"variables": {"a": 1e999}}',
        b'{"variables": {"a": "\\u0000"}}',
        b'{"variables": {"\\ud800": 1}}',
        b'{"variables": [1]}',
        b'{"variable": {}}',
        b'{"idempotency_key": "a b"}',
        b'{"idempotency_key": ""}',
        b'{"variables": ' + b'{"a":' * 60 + b"1" + b"}" * 61,
        b"[]",
        b'"x"',
        b"\xff\xfe",
        b"{",
    ],
    ids=lambda body: body[:30].decode("latin-1"),
)
def test_a_bad_body_is_refused_and_nothing_is_started(target, body):
    client, _ = target
    before = len(client.get("/api/v1/runs?limit=200").json()["items"])
    response = send(client, body)
    as_problem(response, response.status_code)
    assert response.status_code in {400, 422}
    assert len(client.get("/api/v1/runs?limit=200").json()["items"]) == before


def test_the_field_that_is_wrong_is_named(target):
    client, _ = target
    errors = as_problem(send(client, b'{"variables": {}, "logical_at": "soon"}'), 422)["errors"]
    assert [error["path"] for error in errors] == ["body.logical_at"]


def test_a_body_nested_without_end_and_one_without_a_limit_are_refused(target):
    client, _ = target
    assert send(client, b'{"variables": ' + b"[" * 100_000).status_code in {400, 422}
    assert send(client, b'{"variables": {"a": ' + b"9" * 10_000 + b"}}").status_code in {400, 422}
    as_problem(send(client, b'{"variables": {"a": "' + b"x" * 9_000_000 + b'"}}'), 413)


def test_an_endless_body_without_a_length_is_cut_off(target):
    client, _ = target

    def chunks():
        for _ in range(20):
            yield b"x" * 1_000_000

    response = client.post(RUNS, content=chunks(), headers={"Content-Type": "application/json"})
    as_problem(response, 413)
