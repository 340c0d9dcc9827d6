from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from penstock_runtime.notifications.addresses import Timeouts
from penstock_runtime.notifications.apprise_notifier import AppriseNotifier
from penstock_runtime.testing.conformance.notifier import NotifierConformance
from support.receivers import HttpReceiver, MailServer, http_receiver, mail_server

SECRET = "s3cret-t0ken"


@pytest.fixture
def notifier() -> AppriseNotifier:
    return AppriseNotifier(Timeouts(connect=2, answer=2, send=8))


class HttpStand:
    secret = SECRET

    def __init__(self, kind: str, receiver: HttpReceiver) -> None:
        self.kind, self.receiver = kind, receiver
        url = f"{receiver.url}/services/{SECRET}?key={SECRET}"
        self.address = {
            "webhook": {"url": url, "headers": {"Authorization": f"Bearer {SECRET}"}},
            "apprise": {"url": url.replace("http://", "json://")},
        }.get(kind, {"webhook_url": url})

    def behave(self, way: str) -> None:
        self.receiver.status = {"up": 200, "busy": 503, "refusing": 404}[way]

    def taken(self) -> list[str]:
        return [json.dumps([one.headers, one.body]) for one in self.receiver.got]


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as found:
        yield found


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with mail_server(SECRET) as found:
        yield found


class TestWebhook(NotifierConformance):
    @pytest.fixture
    def stand(self, receiver: HttpReceiver) -> HttpStand:
        return HttpStand("webhook", receiver)


class TestSlack(NotifierConformance):
    @pytest.fixture
    def stand(self, receiver: HttpReceiver) -> HttpStand:
        return HttpStand("slack", receiver)


class TestTeams(NotifierConformance):
    @pytest.fixture
    def stand(self, receiver: HttpReceiver) -> HttpStand:
        return HttpStand("teams", receiver)


class TestAddressOfApprise(NotifierConformance):
    @pytest.fixture
    def stand(self, receiver: HttpReceiver) -> HttpStand:
        return HttpStand("apprise", receiver)


class MailStand:
    kind, secret = "email", SECRET

    def __init__(self, server: MailServer) -> None:
        self.server = server
        self.address = {
            "smtp_host": "127.0.0.1",
            "smtp_port": server.port,
            "smtp_starttls": False,
            "smtp_user": "penstock",
            "smtp_password": SECRET,
            "smtp_mail_from": "penstock@here.test",
        }
        self.behave("up")

    def behave(self, way: str) -> None:
        name = {"up": "ana", "busy": "later", "refusing": "refused"}[way]
        self.address = {**self.address, "to_emails": [f"{name}@there.test"]}

    def taken(self) -> list[str]:
        return [
            "\n".join([*(f"{k}: {v}" for k, v in mail.items()), mail.get_payload(decode=True).decode()])
            for _, mail in self.server.got
        ]


class TestEmail(NotifierConformance):
    @pytest.fixture
    def stand(self, mail: MailServer) -> MailStand:
        return MailStand(mail)
