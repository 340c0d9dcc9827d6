"""The sender of messages to people, put together; and how a message becomes a letter with its secrets in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from penstock_runtime.bootstrap.accounts import public_url
from penstock_runtime.bootstrap.components import Components
from penstock_runtime.domain.errors import NotFound, PenstockError
from penstock_runtime.domain.notices import Destination, NoticeRules
from penstock_runtime.notifications.sender import Sender, SenderParts
from penstock_runtime.ports.notifier import Letter, Notifier, NotifierRefused, NotifierUnavailable
from penstock_runtime.ports.outbox import OutboxMessage
from penstock_runtime.ports.wakeups import Wakeup, Wakeups
from penstock_runtime.project.notice_text import NoticeText, write_notice
from penstock_runtime.project.templating import TemplateFailed, TemplateFunctions, render_values


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes letters from the newest code version: an address that was mended serves the messages that wait for it."""

    components: Components

    def letter(self, message: OutboxMessage) -> Letter:
        """Return a message's letter. NotifierRefused when nobody is to be told any more; NotifierUnavailable."""
        rules, destination = self._destination(message)
        functions = self.components.template_functions()
        try:
            address = render_values(destination.config, functions)
        except PenstockError as error:
            # A variable or a secret that is not there: it may be set before the message is given up.
            raise NotifierUnavailable(f"the address of {destination.name!r} cannot be made: {error}") from None
        text = self._text(message, rules, functions)
        return Letter(
            id=message.id,
            kind=destination.kind,
            event=message.event,
            title=text.title,
            text=text.body,
            address=address,
            facts=message.payload,
            run_url=self._run_url(str(message.payload["run_id"])),
        )

    def _destination(self, message: OutboxMessage) -> tuple[NoticeRules, Destination]:
        bundle, pipeline = str(message.payload["bundle"]), str(message.payload["pipeline"])
        with self.components.store.transaction(read_only=True) as tx:
            newest = tx.newest_code_version()
        for digest in dict.fromkeys((newest.digest if newest else bundle, bundle)):
            try:
                plan = self.components.plans.plan(digest, pipeline)
            except NotFound:
                continue
            found = plan.notices.destination(message.destination)
            if found is not None:
                return plan.notices, found
            if not plan.problems:
                break
            # It cannot be read whole: that is no wish to tell nobody.
        raise NotifierRefused(f"pipeline {pipeline!r} tells no {message.destination!r} any more")

    def _text(self, message: OutboxMessage, rules: NoticeRules, functions: TemplateFunctions) -> NoticeText:
        try:
            return write_notice(message.payload, rules.templates, self._run_url, functions)
        except TemplateFailed as error:
            # Better in our words than not at all.
            plain = write_notice(message.payload, {}, self._run_url, functions)
            return NoticeText(plain.title, f"{plain.body}\n\n(The message template cannot be used: {error})")

    def _run_url(self, run_id: str) -> str | None:
        return f"{public_url(self.components.settings).rstrip('/')}/runs/{run_id}"


class LazyNotifier:
    """Apprise, imported at the first letter: it costs more memory than a scheduler that tells nobody should pay."""

    def send(self, letter: Letter) -> None:
        """See the port."""
        from penstock_runtime.notifications.apprise_notifier import AppriseNotifier

        AppriseNotifier().send(letter)


def make_sender(components: Components, notifier: Notifier | None = None) -> Sender:
    """Return the sender of this process, not yet started."""
    compose = Composer(components).letter
    return Sender(SenderParts(components.store, components.clock, notifier or LazyNotifier(), compose))


class NudgingWakeups:
    """Wake-ups that also nudge the sender of this process when a message was recorded.

    `room` is called when a backfill has room for another run.
    """

    def __init__(self, inner: Wakeups, sender: Sender, room: Callable[[], None] = lambda: None) -> None:
        """Pass everything on."""
        self._inner = inner
        self._sender = sender
        self._room = room

    def publish(self, *wakeups: Wakeup) -> None:
        """See the port."""
        self._inner.publish(*wakeups)
        if any(wakeup.topic == "notice" for wakeup in wakeups):
            self._sender.nudge()
        if any(wakeup.topic == "backfill" for wakeup in wakeups):
            self._room()

    def fileno(self) -> int:
        """See the port."""
        return self._inner.fileno()

    def drain(self) -> Sequence[Wakeup]:
        """See the port."""
        return self._inner.drain()

    def close(self) -> None:
        """See the port."""
        self._inner.close()
