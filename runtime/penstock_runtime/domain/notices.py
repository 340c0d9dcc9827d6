"""Whom a pipeline tells about its runs: destinations as the project's files name them, never with their secrets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class RunEvent(StrEnum):
    """What a destination can be told of a run."""

    FAILURE = "failure"
    SUCCESS = "success"
    SLA_MISSED = "sla_missed"


@dataclass(frozen=True, slots=True)
class Destination:
    """One place that messages go to.

    `name` is unique in a pipeline and shown to people: `email`, `slack`, `webhook`, `apprise-2`. `kind` says how it is
    spoken to: email, slack, teams, discord, google_chat, webhook, apprise. `config` is the author's section, templates
    as they are written: secrets are put in when a message is sent, and kept nowhere.
    """

    name: str
    kind: str
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NoticeRules:
    """What a pipeline tells, whom, and in which words.

    `templates` holds, by event, the author's `title`, `summary` and `details`; a missing one is ours.
    """

    events: frozenset[RunEvent] = frozenset()
    destinations: tuple[Destination, ...] = ()
    templates: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def told_of(self, event: str) -> tuple[Destination, ...]:
        """Return who is told of an event; pure, and empty for most pipelines."""
        return self.destinations if event in self.events else ()

    def destination(self, name: str) -> Destination | None:
        """Return a destination by name."""
        return next((one for one in self.destinations if one.name == name), None)


NO_NOTICES = NoticeRules()
