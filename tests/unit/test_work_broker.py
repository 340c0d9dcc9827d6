"""What running blocks are answered."""

from __future__ import annotations

from typing import Any, cast

import pytest

from penstock_runtime.ports.executor import BrokerRefusal
from penstock_runtime.ports.secret_store import SecretNotFound, SecretUnreadable
from penstock_runtime.worker.broker import WorkBroker


def read_secret(name: str, attempt_id: str) -> str:
    if name == "locked":
        raise SecretUnreadable("no key opens it")
    if name != "known":
        raise SecretNotFound(f"there is no secret {name!r}")
    return f"value for {attempt_id}"


def test_a_secret_that_is_not_there_is_null_and_one_that_cannot_be_read_is_refused() -> None:
    broker = WorkBroker(cast("Any", None), read_secret, lambda *_: {})
    assert broker.answer("a", "secret", {"name": "known"}) == "value for a"
    assert broker.answer("a", "secret", {"name": "gone"}) is None
    with pytest.raises(BrokerRefusal, match="no key opens it"):
        broker.answer("a", "secret", {"name": "locked"})
