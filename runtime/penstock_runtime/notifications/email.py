"""E-mail through Apprise, with a Message-ID of ours: a repeat carries the same one, and mail servers can tell."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from apprise import AppriseAsset
from apprise.plugins.email.base import NotifyEmail
from apprise.plugins.email.common import EmailMessage, SecureMailMode
from apprise.plugins.email.smtp import AppriseSMTPController

_MESSAGE_ID = re.compile(r"^Message-ID:[^\n]*(\n[ \t][^\n]*)*", re.IGNORECASE | re.MULTILINE)


class IdentifiedEmail(NotifyEmail):  # type: ignore[misc]
    """One message to every receiver of an `email_config`."""

    def __init__(self, message_id: str, address: Mapping[str, Any], asset: AppriseAsset) -> None:
        """Take a rendered `email_config`; AppriseImproperlyConfigured for an address that is none."""
        sender = str(address["smtp_mail_from"]).strip()
        super().__init__(
            asset=asset,
            host=sender.rpartition("@")[2],
            smtp_host=str(address["smtp_host"]),
            port=address.get("smtp_port") or None,
            from_addr=sender,
            secure_mode=_mode(address),
            user=_quoted(address.get("smtp_user")),
            password=_quoted(address.get("smtp_password")),
            targets=[sender],
            headers={"X-Penstock-Message-Id": message_id},
            format="text",
        )
        # Set here, since Apprise drops a receiver it does not like and then writes to the sender.
        self.targets = [(False, receiver) for receiver in receivers(address)]
        self.from_addr = (False, sender)
        self._identity = f"<{message_id}@{sender.rpartition('@')[2]}>"

    def send(self, body: str, title: str = "", **options: Any) -> bool:
        """Write to every receiver over one connection; whether all were taken."""
        del options
        try:
            return self._send(body, title)
        except (OSError, smtplib.SMTPException) as error:
            # The words that Apprise itself uses for one: the notifier reads the reason there.
            self.logger.debug("Socket Exception: %s", error)
            return False

    def _send(self, body: str, title: str) -> bool:
        with AppriseSMTPController(
            host=self.smtp_host,
            port=self.port,
            secure_mode=self.secure_mode,
            user=self.user,
            password=self.password,
            verify_certificate=self.verify_certificate,
            socket_connect_timeout=self.socket_connect_timeout,
        ) as smtp:
            taken = [
                smtp.sendmail(self.from_addr[1], message.to_addrs, self._identified(message.body))
                for message in self._messages(body, title)
            ]
        return bool(taken) and all(taken)

    def _messages(self, body: str, title: str) -> Sequence[EmailMessage]:
        return list(
            NotifyEmail.prepare_emails(
                subject=title,
                body=body,
                notify_format=self.resolve_format("text"),
                from_addr=self.from_addr,
                to=self.targets,
                smtp_host=self.smtp_host,
                headers={"X-Application": self.app_id, **self.headers},
                names=self.names,
                tzinfo=self.tzinfo,
            )
        )

    def _identified(self, text: str) -> str:
        return _MESSAGE_ID.sub(f"Message-ID: {self._identity}", text, count=1)


def receivers(address: Mapping[str, Any]) -> Sequence[str]:
    """Return the addresses of `to_emails`: a list, or one text with commas."""
    stated = address["to_emails"]
    items = stated if isinstance(stated, list | tuple) else str(stated).split(",")
    return [text for item in items if (text := str(item).strip())]


def _mode(address: Mapping[str, Any]) -> str:
    if address.get("smtp_ssl") is True:
        return str(SecureMailMode.SSL)
    return str(SecureMailMode.INSECURE if address.get("smtp_starttls") is False else SecureMailMode.STARTTLS)


def _quoted(value: Any) -> str | None:
    """Return a value as Apprise takes it: it undoes one quoting."""
    return quote(str(value), safe="") if value not in (None, "") else None
