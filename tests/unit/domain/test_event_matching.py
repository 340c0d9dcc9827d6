"""Which events a trigger waits for."""

from __future__ import annotations

from typing import Any

import pytest

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.domain.event_matching import parse_event

ORDER = {
    "customer": {"country": "DE", "vip": True},
    "items": [{"sku": "A-1", "price": 5}, {"sku": "B-2", "price": 20}],
    "note": None,
    "count": 1,
}


@pytest.mark.parametrize(
    ("match", "accepted"),
    [
        ({}, True),
        ({"$.customer.country": "DE"}, True),
        ({"$.customer.country": "FR"}, False),
        ({"$.customer.country": ["FR", "DE"]}, True),
        ({"$.customer.country": "DE", "$.count": 2}, False),
        ({"$.items[*].sku": "B-2"}, True),
        ({"$.items[0].sku": "B-2"}, False),
        ({"$.items[?@.price > 10].sku": "B-2"}, True),
        ({"$.items[?@.price > 10].sku": "A-1"}, False),
        ({"$.nothing.here": "x"}, False),
        ({"$.nothing": None}, False),
        ({"$.note": None}, True),
        ({"$.count": 1}, True),
        ({"$.count": 1.0}, True),
        ({"$.count": True}, False),
        ({"$.count": "1"}, False),
        ({"$.customer.vip": True}, True),
        ({"$.customer.vip": 1}, False),
    ],
)
def test_every_path_has_to_find_one_of_its_values(match: dict[str, Any], *, accepted: bool):
    matcher = parse_event({"event": {"name": "order.paid", "match": match}})
    assert matcher is not None
    assert matcher.accepts("order.paid", ORDER) is accepted


def test_the_name_has_to_be_the_same():
    matcher = parse_event({"event": {"name": "order.paid"}})
    assert matcher is not None
    assert matcher.accepts("order.paid", {})
    assert not matcher.accepts("order", ORDER)
    assert not matcher.accepts("order.paid.twice", ORDER)


@pytest.mark.parametrize("payload", ['{"a": 1}', "[", 5, None, [], {}])
def test_a_payload_without_such_a_value_is_not_meant(payload: Any):
    matcher = parse_event({"event": {"name": "e", "match": {"$.a": 1}}})
    assert matcher is not None
    assert not matcher.accepts("e", payload)


def test_no_event_is_no_matcher():
    assert parse_event({}) is None
    assert parse_event({"event": None}) is None


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ("order.paid", "needs a `name`"),
        ({}, "needs a `name`"),
        ({"name": " "}, "needs a `name`"),
        ({"name": 5}, "needs a `name`"),
        ({"name": "e", "pattern": {}}, "'pattern'"),
        ({"name": "e", "match": ["$.a"]}, "not a mapping"),
        ({"name": "e", "match": {"a": 1}}, "does not begin with"),
        ({"name": "e", "match": {"$.a[": 1}}, "is no JSON path"),
        ({"name": "e", "match": {"$.a": {"b": 1}}}, "plain value"),
        ({"name": "e", "match": {"$.a": []}}, "plain value"),
        ({"name": "e", "match": {"$.a": [[1]]}}, "plain value"),
    ],
)
def test_what_cannot_be_used_is_named(event: Any, text: str):
    with pytest.raises(InvalidInput, match=r".") as refused:
        parse_event({"event": event})
    assert text in str(refused.value)
    assert refused.value.field == "event"
