"""What every scaler does. A test module names the adapter by a fixture `scaler` that knows the service `scheduler`.

The service starts with 2 copies; `copies`, a fixture too, returns how many whoever starts processes wants of it.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from penstock_runtime.domain.errors import InvalidInput
from penstock_runtime.ports.scaler import Scaler, ScalerUnavailable

SERVICE = "scheduler"
FIRST = 2
Copies = Callable[[], int]


class ScalerConformance:
    """Holds for every scaler."""

    def test_it_says_how_many_there_are(self, scaler: Scaler) -> None:
        assert scaler.current(SERVICE) == FIRST

    def test_a_number_is_set_and_read_back(self, scaler: Scaler, copies: Copies) -> None:
        for count in (5, 1, 0, 3):
            scaler.set(SERVICE, count)
            assert scaler.current(SERVICE) == copies() == count

    def test_the_same_number_twice_is_one_change(self, scaler: Scaler, copies: Copies) -> None:
        scaler.set(SERVICE, 4)
        scaler.set(SERVICE, 4)
        assert scaler.current(SERVICE) == copies() == 4

    def test_reading_changes_nothing(self, scaler: Scaler, copies: Copies) -> None:
        for _ in range(3):
            scaler.current(SERVICE)
        assert copies() == FIRST

    def test_a_number_below_nothing_is_refused(self, scaler: Scaler, copies: Copies) -> None:
        with pytest.raises(InvalidInput):
            scaler.set(SERVICE, -1)
        assert copies() == FIRST

    def test_an_unknown_service_is_said(self, scaler: Scaler) -> None:
        with pytest.raises(ScalerUnavailable, match="other"):
            scaler.current("other")
        with pytest.raises(ScalerUnavailable, match="other"):
            scaler.set("other", 1)
