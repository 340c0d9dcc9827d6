"""Reading `notification_config`: of the project, and of a pipeline, whose keys win over the project's one by one.

A destination is on when every key it needs has a value here. One whose value asks for an environment variable that is
not set is off, and said: projects carry such sections from the day they are made. Values are kept as they are written;
environment variables and secrets are put in when a message is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from penstock_runtime.domain.notices import Destination, NoticeRules, RunEvent
from penstock_runtime.project.findings import Findings, Path
from penstock_runtime.project.notice_text import NAMES, PARTS, check_template, unknown_placeholders
from penstock_runtime.project.problems import Severity, nearest
from penstock_runtime.project.templating import TemplateFailed, TemplateFunctions, has_template, render_text

if TYPE_CHECKING:
    from penstock_runtime.project.project import Installation

KEY = "notification_config"
ALERT_ON = {
    "trigger_failure": RunEvent.FAILURE,
    "trigger_success": RunEvent.SUCCESS,
    "trigger_passed_sla": RunEvent.SLA_MISSED,
}
DEFAULT_ALERT_ON = ("trigger_failure", "trigger_passed_sla")
TEMPLATES = {"failure": RunEvent.FAILURE, "success": RunEvent.SUCCESS, "passed_sla": RunEvent.SLA_MISSED}


@dataclass(frozen=True, slots=True)
class Section:
    """One way to be told: the kind of destination, the keys it needs and those it may have; `url` is an address."""

    kind: str
    needs: tuple[str, ...]
    may: tuple[str, ...] = ()
    url: str = ""


SECTIONS = {
    "email_config": Section(
        "email",
        ("smtp_host", "smtp_mail_from", "to_emails"),
        ("smtp_user", "smtp_password", "smtp_port", "smtp_starttls", "smtp_ssl"),
    ),
    "slack_config": Section("slack", ("webhook_url",), url="webhook_url"),
    "teams_config": Section("teams", ("webhook_url",), url="webhook_url"),
    "discord_config": Section("discord", ("webhook_url",), url="webhook_url"),
    "google_chat_config": Section("google_chat", ("webhook_url",), url="webhook_url"),
    "webhook_config": Section("webhook", ("url",), ("headers",), url="url"),
}
UNSUPPORTED = {
    "opsgenie_config": 'write `apprise_urls: ["opsgenie://API_KEY"]` instead',
    "telegram_config": 'write `apprise_urls: ["tgram://BOT_TOKEN/CHAT_ID"]` instead',
}
_READ = frozenset({*SECTIONS, "alert_on", "apprise_urls", "message_templates"})
_SWITCHES = ("smtp_starttls", "smtp_ssl")
_MAX_PORT = 65535


def check_notices(findings: Findings, section: Any, installation: Installation, severity: Severity) -> None:
    """Note every problem of one `notification_config`; `severity` is the least harmless they are."""
    if section is None:
        return
    if not isinstance(section, dict):
        findings.at((KEY,), "wrong-type", f"`{KEY}` is not a mapping", "write `alert_on:` and a destination", severity)
        return
    findings.unknown_keys((KEY,), section, _READ, set(UNSUPPORTED), severity=severity)
    for key, remedy in UNSUPPORTED.items():
        if section.get(key):
            findings.at_key((KEY, key), "unsupported", f"{key!r} is not supported", remedy, severity)
    for trouble in _troubles(section, installation):
        level = Severity.WARNING if trouble.off else severity
        findings.at((KEY, *trouble.path), trouble.code, trouble.message, trouble.remedy, level)


def notice_rules(project: Any, pipeline: Any, installation: Installation) -> NoticeRules:
    """Return whom a pipeline tells of what. What is wrong in a section leaves out that destination alone."""
    merged = {**_set_keys(project), **_set_keys(pipeline)}
    destinations: list[Destination] = []
    for key, shape in SECTIONS.items():
        values = merged.get(key)
        if isinstance(values, dict) and any(values.values()) and not list(_of_section(key, values, installation)):
            destinations.append(Destination(shape.kind, shape.kind, dict(values)))
    urls = merged.get("apprise_urls")
    for index, url in enumerate(urls if isinstance(urls, list) else ()):
        if url and not list(_of_apprise(index, url, installation)):
            destinations.append(Destination(f"apprise-{index + 1}", "apprise", {"url": str(url)}))
    if not destinations:
        return NoticeRules()
    return NoticeRules(_events(merged), tuple(destinations), _templates(merged.get("message_templates")))


def _set_keys(section: Any) -> Mapping[str, Any]:
    return {k: v for k, v in section.items() if v is not None} if isinstance(section, dict) else {}


def _events(merged: Mapping[str, Any]) -> frozenset[RunEvent]:
    stated = merged.get("alert_on", DEFAULT_ALERT_ON)
    names = stated if isinstance(stated, list | tuple) else DEFAULT_ALERT_ON
    return frozenset(ALERT_ON[name] for name in names if name in ALERT_ON)


def _templates(section: Any) -> Mapping[str, Mapping[str, str]]:
    found: dict[str, Mapping[str, str]] = {}
    for key, event in TEMPLATES.items():
        words = section.get(key) if isinstance(section, dict) else None
        if isinstance(words, dict):
            kept = {part: str(words[part]) for part in PARTS if words.get(part)}
            found[event] = {part: text for part, text in kept.items() if _template_trouble(text, event) is None}
    return found


# --- what can be wrong ---------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Trouble:
    """One thing that is wrong, at a path below the section. `off`: nothing is wrong, but nobody is told."""

    path: Path
    code: str
    message: str
    remedy: str = ""
    off: bool = False


def _troubles(section: Mapping[Any, Any], installation: Installation) -> Sequence[_Trouble]:
    found = [*_of_alert_on(section.get("alert_on"))]
    for key in SECTIONS:
        values = section.get(key)
        if values is not None and not isinstance(values, dict):
            found.append(_Trouble((key,), "wrong-type", f"`{key}` is not a mapping", "write `key: value` lines"))
        elif values and any(values.values()):
            found += _of_section(key, values, installation)
    urls = section.get("apprise_urls")
    if urls is not None and not isinstance(urls, list):
        found.append(_Trouble(("apprise_urls",), "wrong-type", "`apprise_urls` is not a list", "write `- scheme://…`"))
    for index, url in enumerate(urls if isinstance(urls, list) else ()):
        found += _of_apprise(index, url, installation)
    return [*found, *_of_templates(section.get("message_templates"))]


def _of_alert_on(stated: Any) -> Sequence[_Trouble]:
    if stated is None:
        return []
    if not isinstance(stated, list):
        return [
            _Trouble(("alert_on",), "wrong-type", "`alert_on` is not a list", f"write some of {', '.join(ALERT_ON)}")
        ]
    return [
        _Trouble(
            ("alert_on", index),
            "wrong-value",
            f"there is no event {name!r}",
            f"did you mean {close!r}?" if (close := nearest(str(name), ALERT_ON)) else f"use {', '.join(ALERT_ON)}",
        )
        for index, name in enumerate(stated)
        if name not in ALERT_ON
    ]


def _of_section(key: str, values: Mapping[Any, Any], installation: Installation) -> Sequence[_Trouble]:
    shape = SECTIONS[key]
    known = {*shape.needs, *shape.may}
    found = [
        _Trouble((key, name), "unknown-key", f"unknown key {str(name)!r}", f"`{key}` has {', '.join(sorted(known))}")
        for name in values
        if name not in known
    ]
    found += [
        _Trouble((key,), "missing-key", f"`{key}` has no `{name}`", f"write `{name}:` under it")
        for name in shape.needs
        if values.get(name) in (None, "", [])
    ]
    for name, value in values.items():
        if name in known and value not in (None, "", []):
            found += _of_value((key, name), value, installation, url=name == shape.url)
    return found


def _of_value(path: Path, value: Any, installation: Installation, *, url: bool) -> Sequence[_Trouble]:
    name = str(path[-1])
    if name == "headers":
        return _of_headers(path, value, installation)
    if name == "to_emails":
        many = value if isinstance(value, list) else [value]
        return [one for index, item in enumerate(many) for one in _of_text((*path, index), item, installation, _email)]
    if name == "smtp_mail_from":
        return _of_text(path, value, installation, _email)
    if name == "smtp_port":
        return _of_text(path, value, installation, _port)
    if name in _SWITCHES and not isinstance(value, bool):
        return [_Trouble(path, "wrong-value", f"`{name}` is {value!r}", "write true or false")]
    return _of_text(path, value, installation, _http if url else None)


def _of_headers(path: Path, value: Any, installation: Installation) -> Sequence[_Trouble]:
    if not isinstance(value, dict):
        return [_Trouble(path, "wrong-type", "`headers` is not a mapping", "write `Name: value` lines under it")]
    return [one for name, item in value.items() for one in _of_text((*path, name), item, installation, None)]


def _of_apprise(index: int, url: Any, installation: Installation) -> Sequence[_Trouble]:
    path: Path = ("apprise_urls", index)
    if not isinstance(url, str) or not url:
        return [_Trouble(path, "wrong-type", "an entry of `apprise_urls` is no address", "write `- scheme://…`")]
    return _of_text(path, url, installation, lambda text: _apprise(text, installation))


def _of_text(
    path: Path, value: Any, installation: Installation, problem: Callable[[str], str | None] | None
) -> Sequence[_Trouble]:
    """Check one value as it reads here. No value is ever part of the words: it may be a secret."""
    named = f"`{next(str(step) for step in reversed(path) if isinstance(step, str))}`"
    if isinstance(value, dict | list):
        return [_Trouble(path, "wrong-type", f"{named} is not a text", "write one value")]
    text, secret = str(value), False
    if has_template(text):
        asking = _Asking(installation)
        try:
            text = render_text(text, TemplateFunctions(asking.env_var, asking.secret))
        except TemplateFailed as error:
            if not asking.missing:
                return [_Trouble(path, "template", f"{named} cannot be rendered: {error}", "mend the template")]
            message = f"nobody is told this way: the environment variable {asking.missing[-1]} is not set"
            return [_Trouble(path, "notice-off", message, "set it, or remove this section", off=True)]
        secret = asking.asked_secret
        if not text and not secret:
            return [_Trouble(path, "notice-off", f"nobody is told this way: {named} is empty here", off=True)]
    wrong = None if secret or problem is None else problem(text)
    return [] if wrong is None else [_Trouble(path, "wrong-value", f"{named}: {wrong}")]


class _Asking:
    """What a template asks for, noted. A secret is not read to check a file: a word stands for it."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self.missing: list[str] = []
        self.asked_secret = False

    def env_var(self, name: str) -> str | None:
        found = self._installation.env_var(name)
        if found is None:
            self.missing.append(name)
        return found

    def secret(self, name: str) -> str | None:
        del name
        self.asked_secret = True
        return "secret"


def _http(text: str) -> str | None:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        valid = False
    return None if valid else "an address begins with https:// (or http://) and a host"


def _email(text: str) -> str | None:
    name, at, host = text.strip().rpartition("@")
    return None if at and name and host and not any(mark.isspace() for mark in text.strip()) else "no e-mail address"


def _port(text: str) -> str | None:
    return None if text.isdecimal() and 0 < int(text) <= _MAX_PORT else "a port is a number from 1 to 65535"


def _apprise(text: str, installation: Installation) -> str | None:
    if "://" not in text:
        return "an address of Apprise begins with scheme://"
    return installation.apprise_problem(text)


# --- templates -----------------------------------------------------------------------------------------------------
def _of_templates(section: Any) -> Sequence[_Trouble]:
    path: Path = ("message_templates",)
    if section is None:
        return []
    if not isinstance(section, dict):
        return [_Trouble(path, "wrong-type", "`message_templates` is not a mapping", f"write {', '.join(TEMPLATES)}")]
    found: list[_Trouble] = []
    for key, words in section.items():
        place: Path = (*path, key)
        if key not in TEMPLATES:
            found.append(_Trouble(place, "unknown-key", f"unknown key {str(key)!r}", f"write {', '.join(TEMPLATES)}"))
        elif words is not None and not isinstance(words, dict):
            found.append(_Trouble(place, "wrong-type", f"`{key}` is not a mapping", f"write {', '.join(PARTS)}"))
        else:
            found += _of_words(place, words or {}, TEMPLATES[str(key)])
    return found


def _of_words(path: Path, words: Mapping[Any, Any], event: RunEvent) -> Sequence[_Trouble]:
    found: list[_Trouble] = []
    for part, text in words.items():
        place: Path = (*path, part)
        if part not in PARTS:
            found.append(_Trouble(place, "unknown-key", f"unknown key {str(part)!r}", f"write {', '.join(PARTS)}"))
        elif text is not None and (wrong := _template_trouble(str(text), event)) is not None:
            found.append(_Trouble(place, "template", f"`{part}`: {wrong}", f"a template may name {', '.join(NAMES)}"))
    return found


def _template_trouble(text: str, event: RunEvent) -> str | None:
    unknown = unknown_placeholders(text)
    if unknown:
        return f"nothing is called {unknown[0]!r}"
    try:
        # Environment variables are not looked up here: one that is missing when a message is written is said then.
        check_template(text, event, TemplateFunctions(env_var=lambda _name: "value"))
    except TemplateFailed as error:
        return str(error)
    return None
