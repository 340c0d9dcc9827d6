"""Carrying one message to one destination."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from penstock_runtime.domain.errors import PenstockError


class NotifierUnavailable(PenstockError):
    """It was not taken now: no answer, no time, too many requests. A later try may do. Holds no secret."""


class NotifierRefused(PenstockError):
    """It will never be taken as it is: no such address, no right to it, a wrong value. Holds no secret."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message on its way. `id` is the message's, the same at every try.

    `kind` and `address` are a destination's (see domain.notices), with the secrets in it: it is never logged, kept or
    shown. `event` is failure, success or sla_missed; `text` is plain; `facts` is what programs get.
    """

    id: str
    kind: str
    event: str
    title: str
    text: str
    address: Mapping[str, Any] = field(repr=False)
    facts: Mapping[str, Any] = field(default_factory=dict)
    run_url: str | None = None


class Notifier(Protocol):
    """Sends letters. Any thread; several at once."""

    def send(self, letter: Letter) -> None:
        """Carry the letter to its destination and return once that has taken it, within a time of its own.

        NotifierUnavailable when another try may do, NotifierRefused when none will. Not idempotent: a repeat is sent
        again, under the same id, by which the receiver can tell.
        """
        ...
