"""What every notifier does with a letter."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

import pytest

from penstock_runtime.ports.notifier import Letter, Notifier, NotifierRefused, NotifierUnavailable


class Stand(Protocol):
    """A destination of the test's. `kind`, `address` are a letter's; `secret` is a part of the address."""

    kind: str
    address: Mapping[str, Any]
    secret: str

    def behave(self, way: str) -> None:
        """Be `up`, `busy` (asks to come back later) or `refusing` (for good)."""
        ...

    def taken(self) -> Sequence[str]:
        """Return everything that was taken, each as one text with all that came along."""
        ...


class NotifierConformance:
    """Subclass with the fixtures `notifier` and `stand`."""

    @pytest.fixture
    def everything_logged(self) -> Iterator[io.StringIO]:
        """What the product's own handler would write if everything were logged."""
        found, root = io.StringIO(), logging.getLogger()
        handler, level = logging.StreamHandler(found), root.level
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        yield found
        root.removeHandler(handler)
        root.setLevel(level)

    def letter(self, stand: Stand, identity: str = "id-1", event: str = "failure") -> Letter:
        text = "A run failed.\n\nload: <b>no</b> such year & month"
        return Letter(
            identity, stand.kind, event, "Pipeline x failed", text, stand.address, {"pipeline": "x"}, "http://r/1"
        )

    def test_a_letter_arrives_with_its_words_and_its_id(self, notifier: Notifier, stand: Stand) -> None:
        notifier.send(self.letter(stand))
        [taken] = stand.taken()
        assert "Pipeline x failed" in taken
        assert "no" in taken
        assert "such year" in taken
        assert "id-1" in taken

    def test_a_repeat_carries_the_same_id(self, notifier: Notifier, stand: Stand) -> None:
        notifier.send(self.letter(stand))
        notifier.send(self.letter(stand))
        assert ["id-1" in taken for taken in stand.taken()] == [True, True]

    @pytest.mark.parametrize("event", ["failure", "success", "sla_missed"])
    def test_every_event_can_be_told(self, notifier: Notifier, stand: Stand, event: str) -> None:
        notifier.send(self.letter(stand, event=event))
        assert len(stand.taken()) == 1

    def test_a_destination_that_is_busy_may_be_tried_again(self, notifier: Notifier, stand: Stand) -> None:
        stand.behave("busy")
        with pytest.raises(NotifierUnavailable):
            notifier.send(self.letter(stand))
        stand.behave("up")
        notifier.send(self.letter(stand))
        assert "id-1" in stand.taken()[-1]

    def test_a_destination_that_refuses_is_told_apart(self, notifier: Notifier, stand: Stand) -> None:
        stand.behave("refusing")
        with pytest.raises(NotifierRefused):
            notifier.send(self.letter(stand))

    @pytest.mark.parametrize("way", ["busy", "refusing"])
    def test_no_error_and_no_log_shows_a_secret(
        self, notifier: Notifier, stand: Stand, way: str, everything_logged: io.StringIO, capfd: Any
    ) -> None:
        stand.behave(way)
        with pytest.raises((NotifierRefused, NotifierUnavailable)) as caught:
            notifier.send(self.letter(stand))
        out, err = capfd.readouterr()
        for text in (str(caught.value), repr(self.letter(stand)), everything_logged.getvalue(), out, err):
            assert stand.secret not in text
        assert caught.value.__cause__ is None
