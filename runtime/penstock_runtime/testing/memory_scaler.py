"""A scaler in memory: complete, so that decisions can be followed without processes."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.ports.scaler import Scaler, ScalerUnavailable


class InMemoryScaler:
    """See ports.scaler. `changes` lists (service, count) for every call that changed a number.

    While `away` is true nothing answers.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        """Know these services, with this many copies each."""
        self._lock = threading.Lock()
        self._counts = dict(counts)
        self.changes: list[tuple[str, int]] = []
        self.away = False

    def current(self, service: str) -> int:
        """See the port."""
        with self._lock:
            return self._known(service)

    def set(self, service: str, count: int) -> None:
        """See the port."""
        if count < 0:
            raise InvalidInput(f"{count} copies cannot be asked for", "count")
        with self._lock:
            if self._known(service) != count:
                self._counts[service] = count
                self.changes.append((service, count))

    def _known(self, service: str) -> int:
        if self.away:
            raise ScalerUnavailable("nothing answers")
        try:
            return self._counts[service]
        except KeyError:
            raise ScalerUnavailable(f"there is no service {service}") from None


def _fulfils_the_port(scaler: InMemoryScaler) -> Scaler:
    """Let the type checker compare the two."""
    return scaler
