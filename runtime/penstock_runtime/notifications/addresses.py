"""What Apprise needs to reach each kind of destination: its own services, and the forms that it posts as JSON."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from apprise import Apprise, AppriseAsset
from apprise.common import NotifyType
from apprise.exception import AppriseException
from apprise.plugins.base import NotifyBase
from apprise.plugins.custom_json import NotifyJSON

from penstock_runtime.notifications.email import IdentifiedEmail
from penstock_runtime.ports.notifier import Letter, NotifierRefused

ID_HEADER = "X-Penstock-Message-Id"
COLOURS = {"failure": "A32037", "success": "3AA337", "sla_missed": "CACF29"}
TYPES = {"failure": NotifyType.FAILURE, "success": NotifyType.SUCCESS, "sla_missed": NotifyType.WARNING}

# A redirected POST becomes a GET that succeeds and tells nobody, so no redirect is followed; keys are made for nobody.
ASSET = AppriseAsset(
    app_id="Penstock",
    app_desc="Penstock",
    app_url="",
    image_url_mask="",
    image_url_logo="",
    http_redirects=False,
    pgp_autogen=False,
    pem_autogen=False,
    # Else Apprise sends on a pool of its own, whose threads the process waits for when it ends.
    service_timeout=0,
)
_WITHOUT = {"version": "", "attachments": "", "type": ""}
"""Keys of Apprise's own JSON that are left out of ours."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds: to connect, to wait for each answer, and for a whole send whatever happens."""

    connect: float = 5.0
    answer: float = 15.0
    send: float = 45.0


@dataclass(frozen=True, slots=True)
class Call:
    """One call of Apprise: the service, and the words it is given."""

    service: NotifyBase
    title: str
    body: str


def call_of(letter: Letter, timeouts: Timeouts) -> Call:
    """Return how Apprise carries a letter; NotifierRefused when its address is none."""
    try:
        made = _MAKERS[letter.kind](letter)
    except (AppriseException, TypeError, ValueError, KeyError) as error:
        # The text of these may repeat the address, which is a secret.
        raise NotifierRefused(f"the {letter.kind} destination is not set up right ({type(error).__name__})") from None
    made.service.socket_connect_timeout = timeouts.connect
    made.service.socket_read_timeout = timeouts.answer
    return made


def apprise_problem(address: str) -> str | None:
    """Return what is wrong with an address of Apprise, or None; the address is never part of the words."""
    if _instance(address) is not None:
        return None
    scheme = address.partition("://")[0]
    known = bool(re.fullmatch(r"[A-Za-z0-9]+", scheme)) and any(
        scheme in (entry.get("protocols") or ()) or scheme in (entry.get("secure_protocols") or ())
        for entry in Apprise(asset=ASSET).details()["schemas"]
    )
    return f"this is no complete {scheme}:// address" if known else "Apprise knows no service of this scheme"


def secrets_of(letter: Letter) -> Sequence[str]:
    """Return every part of a letter's address that must not be seen, longest first."""
    found: set[str] = set()
    for value in _leaves(letter.address):
        found.add(value)
        if "://" in value:
            parts = urlsplit(value)
            found.update(re.split(r"[/?&=@:;,]+", f"{parts.netloc.rpartition('@')[0]}/{parts.path}/{parts.query}"))
            found.update((parts.path, parts.query, parts.fragment))
    return sorted((one for one in found if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)


_SHORTEST_SECRET = 4
_OPEN = frozenset({"smtp_host", "smtp_port", "smtp_mail_from", "to_emails", "smtp_starttls", "smtp_ssl"})


def _leaves(value: Any, key: str = "") -> Sequence[str]:
    if isinstance(value, Mapping):
        return [leaf for name, item in value.items() if name not in _OPEN for leaf in _leaves(item, str(name))]
    if isinstance(value, list | tuple):
        return [leaf for item in value for leaf in _leaves(item, key)]
    return [str(value)] if value not in (None, "") else []


# --- one maker a kind ----------------------------------------------------------------------------------------------
def _instance(address: str) -> NotifyBase | None:
    return Apprise.instantiate(address, asset=ASSET, suppress_exceptions=True)


def _signed(letter: Letter) -> str:
    return f"{letter.text}\n\nPenstock message {letter.id}"


def _service(letter: Letter, url: str) -> Call:
    service = _instance(url)
    if service is None:
        raise ValueError("not an address")
    return Call(service, letter.title, _signed(letter))


def _native_or(form: Callable[[Letter, str], Call], native: re.Pattern[str]) -> Callable[[Letter], Call]:
    """The service itself for its own addresses; its form, posted as JSON, for any other (a proxy, a look-alike)."""

    def make(letter: Letter) -> Call:
        url = str(letter.address["webhook_url"])
        return _service(letter, url) if native.match(url) else form(letter, url)

    return make


def _slack_form(letter: Letter, url: str) -> Call:
    body = f"*{letter.title}*\n{_signed(letter)}"
    return Call(_posted(letter, url, {**_WITHOUT, "title": "", "message": "text"}), "", body)


def _teams_form(letter: Letter, url: str) -> Call:
    card = {
        "@type": "MessageCard",
        "@context": "https://schema.org/extensions",
        "themeColor": COLOURS[letter.event],
        "summary": letter.title,
    }
    return Call(_posted(letter, url, {**_WITHOUT, "message": "text", **card}), letter.title, _signed(letter))


def _discord_form(letter: Letter, url: str) -> Call:
    body = f"**{letter.title}**\n{_signed(letter)}"
    return Call(_posted(letter, url, {**_WITHOUT, "title": "", "message": "content"}), "", body)


def _webhook(letter: Letter) -> Call:
    facts = {"id": letter.id, "event": letter.event, "run_url": letter.run_url, "run": dict(letter.facts)}
    # Apprise takes an empty value for a wish to leave a key of its own out; none of these is its own.
    service = _posted(letter, str(letter.address["url"]), {**_WITHOUT, "message": "text", **facts})
    service.headers.update({str(k): str(v) for k, v in (letter.address.get("headers") or {}).items()})
    return Call(service, letter.title, letter.text)


def _posted(letter: Letter, url: str, payload: Mapping[str, Any]) -> NotifyJSON:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("not an address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return NotifyJSON(
        asset=ASSET,
        secure=parts.scheme == "https",
        host=host,
        port=parts.port,
        user=parts.username,
        password=parts.password,
        # The query goes along as it is written: a mapping would lose what stands twice.
        fullpath=f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}",
        headers={ID_HEADER: letter.id, "Idempotency-Key": letter.id},
        payload=dict(payload),
    )


def _email(letter: Letter) -> Call:
    return Call(IdentifiedEmail(letter.id, letter.address, ASSET), letter.title, letter.text)


def _apprise(letter: Letter) -> Call:
    return _service(letter, str(letter.address["url"]))


_MAKERS: Mapping[str, Callable[[Letter], Call]] = {
    "apprise": _apprise,
    "discord": _native_or(_discord_form, re.compile(r"https://(\w+\.)?discord(app)?\.com/", re.IGNORECASE)),
    "email": _email,
    "google_chat": _native_or(_slack_form, re.compile(r"https://chat\.googleapis\.com/", re.IGNORECASE)),
    "slack": _native_or(_slack_form, re.compile(r"https://hooks\.slack(-gov)?\.com/", re.IGNORECASE)),
    "teams": _native_or(
        _teams_form,
        re.compile(r"https://[\w.-]+\.(logic\.azure\.\w+|(power|apps)platform\.[\w.-]+)[:/]", re.IGNORECASE),
    ),
    "webhook": _webhook,
}
