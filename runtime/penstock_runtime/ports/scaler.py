"""Setting how many copies of a service run. The scaler decides; an adapter tells whoever starts processes here.

Duties of an adapter:

* `set` is absolute and idempotent: the same number twice is one change. It returns once the number is accepted, not
  once the copies are there. The last number wins.
* What is taken away is stopped by SIGTERM first, so that it drains.
* `ScalerUnavailable` when the answer did not come, or was a refusal: the number may or may not be set, and the caller
  looks again later. An adapter waits for no answer longer than a few seconds.
"""

from __future__ import annotations

from typing import Protocol

from penstock_runtime.domain.errors import PenstockError


class ScalerUnavailable(PenstockError):
    """Whoever starts the service's processes did not answer, or refused; the text says what it said."""


class Scaler(Protocol):
    """The number of copies of services. Any thread."""

    def current(self, service: str) -> int:
        """Return how many copies are asked for at present; ScalerUnavailable also for a service it does not know."""
        ...

    def set(self, service: str, count: int) -> None:
        """Ask for that many copies, 0 or more (else InvalidInput)."""
        ...
