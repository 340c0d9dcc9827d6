"""Guessing gets slower; those who do not guess are left alone."""

from __future__ import annotations

import pytest

from penstock_runtime.auth.failures import CAPACITY, FORGET_SECONDS, FREE_PER_ADDRESS, FREE_PER_NAME, FailureLimit
from penstock_runtime.ports.authentication import TooManyFailures
from support.clocks import FakeClock


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def limit(clock):
    return FailureLimit(clock)


def fail(limit: FailureLimit, times: int, name: str = "ada", address: str = "10.0.0.1") -> None:
    for _ in range(times):
        limit.begin(name, address)


def test_the_free_tries_are_free_and_the_next_must_wait(limit):
    fail(limit, FREE_PER_NAME)
    with pytest.raises(TooManyFailures) as caught:
        limit.begin("ada", "10.0.0.1")
    assert caught.value.retry_after == 1


def test_each_further_failure_doubles_the_wait(limit, clock):
    fail(limit, FREE_PER_NAME)
    waits = []
    for _ in range(4):
        with pytest.raises(TooManyFailures) as caught:
            limit.begin("ada", "10.0.0.1")
        waits.append(caught.value.retry_after)
        clock.advance(caught.value.retry_after)
        limit.begin("ada", "10.0.0.1")
    assert waits == [1, 2, 4, 8]


def test_names_are_counted_without_regard_to_case_and_apart_from_other_addresses(limit):
    fail(limit, FREE_PER_NAME)
    with pytest.raises(TooManyFailures):
        limit.begin("ADA", "10.0.0.1")
    limit.begin("ada", "10.0.0.2")
    limit.begin("bob", "10.0.0.1")


def test_one_address_cannot_go_through_many_names(limit):
    for number in range(FREE_PER_ADDRESS):
        limit.begin(f"name{number}", "10.0.0.1")
    with pytest.raises(TooManyFailures):
        limit.begin("another", "10.0.0.1")


def test_success_forgets(limit):
    fail(limit, FREE_PER_NAME - 1)
    limit.begin("ada", "10.0.0.1")
    limit.succeeded("ada", "10.0.0.1")
    fail(limit, FREE_PER_NAME)


def test_many_successes_from_one_address_never_wait(limit):
    for number in range(FREE_PER_ADDRESS * 3):
        limit.begin(f"name{number}", "10.0.0.1")
        limit.succeeded(f"name{number}", "10.0.0.1")


def test_success_with_one_name_does_not_wash_away_failures_with_others(limit):
    for number in range(FREE_PER_ADDRESS - 1):
        limit.begin(f"name{number}", "10.0.0.1")
        if number % 3 == 0:
            limit.begin("mine", "10.0.0.1")
            limit.succeeded("mine", "10.0.0.1")
    limit.begin("last", "10.0.0.1")
    with pytest.raises(TooManyFailures):
        limit.begin("another", "10.0.0.1")


def test_failures_are_forgotten_after_a_while(limit, clock):
    fail(limit, FREE_PER_NAME)
    clock.advance(FORGET_SECONDS + 1)
    fail(limit, FREE_PER_NAME)


def test_memory_is_bounded(limit):
    for number in range(CAPACITY):
        limit.begin("ada", f"address {number}")
    assert len(limit._counts) == CAPACITY
