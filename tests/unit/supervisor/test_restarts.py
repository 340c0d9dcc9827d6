"""The restart policy, and what the control socket makes of requests."""

from __future__ import annotations

import pytest

from penstock_runtime.bootstrap.backoff import Backoff
from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.supervisor.control import ControlSocket, Scale


def test_the_wait_doubles_up_to_the_longest():
    backoff = Backoff(first=0.2, last=1.0, good_life=60)
    assert [backoff.after(1) for _ in range(5)] == [0.2, 0.4, 0.8, 1.0, 1.0]


def test_a_good_life_starts_the_wait_anew():
    backoff = Backoff(first=0.2, last=30, good_life=60)
    assert [backoff.after(lived) for lived in (1, 1, 61, 1)] == [0.2, 0.4, 0.2, 0.4]


@pytest.fixture
def asked():
    return []


@pytest.fixture
def control(asked, tmp_path):
    def scale(service, count):
        asked.append((service, count))
        if service != "scheduler":
            raise InvalidInput(f"there is no service {service!r}")
        return Scale(service, 2, count or 2, 2, 6)

    return ControlSocket(tmp_path / "control", scale)


def test_a_number_is_passed_on_and_answered(control, asked):
    answer = control.answer(b'{"service": "scheduler", "count": 4}\n')
    assert answer == {"service": "scheduler", "count": 2, "wanted": 4, "min": 2, "max": 6}
    assert control.answer(b'{"service": "scheduler"}')["wanted"] == 2
    assert asked == [("scheduler", 4), ("scheduler", None)]


@pytest.mark.parametrize(
    "request_line",
    [b"", b"nonsense", b"[1]", b'{"count": 3}', b'{"service": 7}', b'{"service": "scheduler", "count": "3"}',
     b'{"service": "scheduler", "count": true}', b'{"service": "scheduler", "count": 2.5}'],
)  # fmt: skip
def test_what_is_no_request_is_answered_and_changes_nothing(control, asked, request_line):
    assert set(control.answer(request_line)) == {"error"}
    assert asked == []


def test_a_service_that_there_is_not_is_an_error(control):
    assert "no service 'nope'" in control.answer(b'{"service": "nope", "count": 1}')["error"]
