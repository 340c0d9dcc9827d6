"""Messages by Apprise. What it says of a failure is read from its own log entries, and cleaned of every secret."""

from __future__ import annotations

import logging
import queue
import re
import threading
from collections.abc import Iterable, Sequence

from apprise import Apprise, NotifyFormat
from apprise.result import AppriseResult

from penstock_runtime.notifications.addresses import ASSET, TYPES, Call, Timeouts, call_of, secrets_of
from penstock_runtime.ports.notifier import Letter, Notifier, NotifierRefused, NotifierUnavailable

_HTTP = re.compile(r"error=(\d{3})")
_SMTP = re.compile(r"(?:refused: |\()(\d{3})[ ,]")
_PASSING = frozenset({408, 409, 423, 425, 429})
"""Answers of the 400s that may be another at the next try."""
_CAUSES = (
    "Connection refused",
    "Name or service not known",
    "Temporary failure in name resolution",
    "certificate verify failed",
    "timed out",
    "Connection reset",
    "Connection unexpectedly closed",
    "STARTTLS extension not supported",
)
_EXCEPTION = "Socket Exception: "
_HIDDEN = "…"


class AppriseNotifier:
    """See ports.notifier. Every send makes a service of its own, so threads share nothing."""

    def __init__(self, timeouts: Timeouts | None = None) -> None:
        """Keep Apprise's own log apart: its lines are told, cleaned, where a message's failure is."""
        self._timeouts = timeouts or Timeouts()
        own = logging.getLogger("apprise")
        own.propagate = False
        own.setLevel(logging.DEBUG)
        # Its debug lines hold whole addresses.
        logging.getLogger("urllib3").setLevel(logging.WARNING)

    def send(self, letter: Letter) -> None:
        """See the port."""
        call = call_of(letter, self._timeouts)
        found: queue.SimpleQueue[NotifierRefused | NotifierUnavailable | None] = queue.SimpleQueue()

        def carry() -> None:
            try:
                found.put(self._carry(letter, call))
            except Exception as error:  # noqa: BLE001 - Apprise's services may raise anything, and its text may hold a secret
                found.put(NotifierUnavailable(f"sending broke: {type(error).__name__}"))

        # A daemon: each answer has its time limit, but a server that trickles would keep its caller for long.
        threading.Thread(target=carry, name=f"send-{letter.kind}", daemon=True).start()
        try:
            failure = found.get(timeout=self._timeouts.send)
        except queue.Empty:
            failure = NotifierUnavailable(f"no answer in {self._timeouts.send:g} s")
        if failure is not None:
            raise failure

    def _carry(self, letter: Letter, call: Call) -> NotifierRefused | NotifierUnavailable | None:
        carrier = Apprise(asset=ASSET)
        carrier.add(call.service)
        result = carrier.notify(
            body=call.body,
            title=call.title,
            notify_type=TYPES[letter.event],
            body_format=NotifyFormat.TEXT,
            log_level=logging.DEBUG,
        )
        try:
            return None if result else _failure(letter, result)
        finally:
            result.close()


def _failure(letter: Letter, result: AppriseResult) -> NotifierRefused | NotifierUnavailable:
    entries = [(entry.level, str(entry.message)) for entry in result.logs()]
    codes = [code for _, text in entries for code in _codes(text)]
    said = [text for level, text in entries if level in ("WARNING", "ERROR")]
    said += [cause for cause in _CAUSES if any(cause in text for _, text in entries)]
    if letter.kind == "email":
        said = [text.partition(_EXCEPTION)[2] for _, text in entries if _EXCEPTION in text] or said
    reason = _cleaned("; ".join(dict.fromkeys(said)) or "it was not taken", secrets_of(letter))
    kind = NotifierRefused if codes and all(_is_final(code, letter.kind) for code in codes) else NotifierUnavailable
    return kind(reason)


def _codes(text: str) -> Iterable[int]:
    return (int(code) for pattern in (_HTTP, _SMTP) for code in pattern.findall(text))


def _is_final(code: int, kind: str) -> bool:
    """Whether an answer means that no later try will do: a redirect or a 4xx of HTTP, a 5xx of SMTP."""
    if kind == "email":
        return code >= 500  # noqa: PLR2004 - the classes of answers are numbers
    return 300 <= code < 500 and code not in _PASSING  # noqa: PLR2004 - the same


def _cleaned(text: str, secrets: Sequence[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _HIDDEN)
    return " ".join(text.split())


def _fulfils_the_port(notifier: AppriseNotifier) -> Notifier:
    """Let the type checker compare the two."""
    return notifier
