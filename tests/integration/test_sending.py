"""From the outbox to real servers: at least once, under one id, whatever dies, hangs or is away in between."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from email.header import decode_header, make_header
from pathlib import Path

import pytest

from penstock_runtime.domain.ids import new_id
from penstock_runtime.notifications.addresses import Timeouts, apprise_problem, call_of
from penstock_runtime.notifications.apprise_notifier import AppriseNotifier
from penstock_runtime.notifications.sender import GIVE_UP_AFTER, LEASE_SECONDS, Sender, SenderParts
from penstock_runtime.ports.notifier import Letter, NotifierRefused, NotifierUnavailable
from penstock_runtime.ports.outbox import OutboxMessage
from penstock_runtime.testing.memory_run_store import InMemoryRunStore
from support.clocks import FakeClock
from support.installation import free_port
from support.receivers import http_receiver, mail_server, silent_server
from support.sources import ROOT
from support.waiting import stays_so, wait_until

QUICK = Timeouts(connect=1, answer=1, send=3)


class Post:
    """An outbox, a clock that the test moves, and addresses by destination."""

    def __init__(self, store, clock):
        self.store, self.clock, self.addresses = store, clock, {}

    def record(self, to: str = "webhook", event: str = "failure", many: int = 1) -> list[str]:
        now = self.clock.now()
        messages = [
            OutboxMessage(new_id(), event, "r", to, f"{new_id()}/1/{event}", now, now, payload={"pipeline": "x"})
            for _ in range(many)
        ]
        with self.store.transaction() as tx:
            tx.record_messages(messages)
        return [one.id for one in messages]

    def compose(self, message: OutboxMessage) -> Letter:
        kind, address = self.addresses[message.destination]
        return Letter(message.id, kind, message.event, "Pipeline x failed", "text", address, message.payload)

    def all(self) -> dict[str, OutboxMessage]:
        with self.store.transaction(read_only=True) as tx:
            return {one.id: one for one in tx.messages(200).items}

    @contextmanager
    def sender(self, notifier=None, poll_seconds: float = 0.02) -> Iterator[Sender]:
        parts = SenderParts(self.store, self.clock, notifier or AppriseNotifier(QUICK), self.compose, poll_seconds)
        sender = Sender(parts)
        sender.start()
        try:
            yield sender
        finally:
            sender.close()
            # What was under way writes its word down, before the test's database goes.
            wait_until(lambda: not sender._busy)


@pytest.fixture
def post(run_store):
    return Post(run_store, FakeClock())


def test_a_message_goes_out_and_is_marked(post):
    with http_receiver() as receiver, post.sender():
        post.addresses["webhook"] = ("webhook", {"url": f"{receiver.url}/hook"})
        [identity] = post.record()
        wait_until(lambda: post.all()[identity].sent_at)
    [taken] = receiver.got
    assert (taken.path, taken.body["id"], taken.body["event"]) == ("/hook", identity, "failure")
    assert (taken.headers["x-penstock-message-id"], taken.headers["idempotency-key"]) == (identity, identity)
    assert (post.all()[identity].tries, post.all()[identity].due_at) == (1, None)


def test_a_nudge_beats_the_slow_poll(post):
    with http_receiver() as receiver, post.sender(poll_seconds=300) as sender:
        post.addresses["webhook"] = ("webhook", {"url": receiver.url})
        stays_so(lambda: not receiver.got, 0.1)
        post.record()
        sender.nudge()
        wait_until(lambda: receiver.got, patience=5)


def test_two_senders_send_each_message_once(post):
    with http_receiver() as receiver, ExitStack() as senders:
        post.addresses["webhook"] = ("webhook", {"url": receiver.url})
        identities = post.record(many=30)
        for _ in range(2):
            senders.enter_context(post.sender())
        wait_until(lambda: all(one.sent_at for one in post.all().values()))
    assert sorted(one.body["id"] for one in receiver.got) == sorted(identities)


def test_a_destination_that_is_away_is_told_when_it_is_back(post):
    port = free_port()
    post.addresses["webhook"] = ("webhook", {"url": f"http://127.0.0.1:{port}/"})
    [identity] = post.record()
    with post.sender():
        wait_until(lambda: post.all()[identity].last_error)
        first = post.all()[identity]
        assert (first.tries, first.due_at, first.sent_at) == (1, post.clock.now() + timedelta(seconds=5), None)
        assert "Connection refused" in first.last_error
        with http_receiver(port=port) as receiver:
            stays_so(lambda: not receiver.got, 0.2, "it was tried again before it was due")
            post.clock.advance(5)
            wait_until(lambda: post.all()[identity].sent_at)
            assert [one.body["id"] for one in receiver.got] == [identity]


def test_the_tries_are_further_and_further_apart_and_end(post):
    class Away:
        def send(self, letter):
            raise NotifierUnavailable("it is away")

    post.addresses["webhook"] = ("webhook", {})
    [identity] = post.record()
    waits: list[float] = []
    with post.sender(Away()):
        for tries in range(1, 200):
            wait_until(lambda tries=tries: post.all()[identity].tries == tries and post.all()[identity].last_error)
            wait_until(lambda: post.all()[identity].due_at != post.clock.now() + timedelta(seconds=LEASE_SECONDS))
            message = post.all()[identity]
            if message.given_up_at:
                break
            waits.append((message.due_at - post.clock.now()).total_seconds())
            post.clock.advance(waits[-1])
    assert waits[:4] == [5, 10, 20, 40]
    assert max(waits) == waits[-1] == 1800
    assert sum(waits) <= GIVE_UP_AFTER.total_seconds() < sum(waits) + 1800
    assert message.last_error == f"given up after {message.tries} tries: it is away"
    assert message.due_at is None


def test_a_refusal_is_given_up_at_once_with_its_reason(post):
    with http_receiver(status=404) as receiver, post.sender():
        post.addresses["webhook"] = ("webhook", {"url": f"{receiver.url}/no-such-hook"})
        [identity] = post.record()
        wait_until(lambda: post.all()[identity].given_up_at)
    message = post.all()[identity]
    assert (message.tries, len(receiver.got)) == (1, 1)
    assert "error=404" in message.last_error
    assert "no-such-hook" not in message.last_error


def test_a_redirect_is_no_delivery(post):
    with http_receiver(status=302) as receiver, post.sender():
        post.addresses["webhook"] = ("webhook", {"url": f"{receiver.url}/moved"})
        [identity] = post.record()
        wait_until(lambda: post.all()[identity].given_up_at)
    assert [one.path for one in receiver.got] == ["/moved"]


def test_a_mail_server_that_says_nothing_holds_up_nobody_else(post):
    with (
        silent_server() as hung,
        http_receiver() as receiver,
        post.sender(AppriseNotifier(Timeouts(4, 4, 6))) as sender,
    ):
        address = {"smtp_host": "127.0.0.1", "smtp_port": hung, "smtp_starttls": False}
        post.addresses["email"] = ("email", {**address, "smtp_mail_from": "a@b.test", "to_emails": ["c@d.test"]})
        post.addresses["webhook"] = ("webhook", {"url": receiver.url})
        waiting = post.record("email", many=3)
        wait_until(lambda: any(post.all()[one].tries for one in waiting))
        sent = post.record(many=5)
        wait_until(lambda: all(post.all()[one].sent_at for one in sent), patience=10)
        assert not any(post.all()[one].sent_at for one in waiting)
        before = time.monotonic()
        sender.close(0.2)
        assert time.monotonic() - before < 2, "a server that hangs held up the end of the process"


def test_a_silent_server_is_left_after_its_time_and_tried_again(post):
    with silent_server() as hung, post.sender(AppriseNotifier(Timeouts(0.3, 0.3, 2))):
        post.addresses["webhook"] = ("webhook", {"url": f"http://127.0.0.1:{hung}/"})
        [identity] = post.record()
        wait_until(lambda: post.all()[identity].last_error, patience=10)
        assert post.all()[identity].given_up_at is None


def test_a_word_that_cannot_be_written_down_leads_to_the_same_id_again(post):
    """The database goes away between the send and the word about it."""
    real, broken = post.store.transaction, []

    class Deaf(AppriseNotifier):
        def send(self, letter):
            super().send(letter)
            if not broken:
                broken.append(letter.id)
                raise KeyboardInterrupt

    with http_receiver() as receiver:
        post.addresses["webhook"] = ("webhook", {"url": receiver.url})
        [identity] = post.record()
        parts = SenderParts(post.store, post.clock, Deaf(QUICK), post.compose, 0.02)
        with pytest.raises(KeyboardInterrupt):
            Sender(parts)._work("webhook")
        assert post.all()[identity].sent_at is None
        with post.sender():
            stays_so(lambda: len(receiver.got) == 1, 0.2, "the lease did not hide it")
            post.clock.advance(LEASE_SECONDS)
            wait_until(lambda: post.all()[identity].sent_at)
    assert [one.body["id"] for one in receiver.got] == [identity, identity]
    assert real == post.store.transaction


KILLED = """
    import os, signal, sys
    from penstock_runtime.notifications.addresses import Timeouts
    from penstock_runtime.notifications.apprise_notifier import AppriseNotifier
    from penstock_runtime.notifications.sender import Sender, SenderParts
    from penstock_runtime.persistence.clock import DatabaseClock
    from penstock_runtime.persistence.engine import DatabaseOptions
    from penstock_runtime.persistence.run_store import SqlRunStore
    from penstock_runtime.ports.notifier import Letter

    database, hook = sys.argv[1:]
    store = SqlRunStore.open(DatabaseOptions(database))

    class Dies(AppriseNotifier):
        def send(self, letter):
            super().send(letter)
            os.kill(os.getpid(), signal.SIGKILL)

    def compose(message):
        return Letter(message.id, "webhook", message.event, "t", "x", {"url": hook})

    sender = Sender(SenderParts(store, DatabaseClock(store), Dies(), compose, 0.02))
    sender.start()
    sender._thread.join(30)
"""


def test_a_sender_killed_between_sending_and_saying_so_leads_to_a_repeat_under_the_same_id(post, database_url):
    # The process tells the time by the database, the test by its clock: the lease is past for both in a day.
    with http_receiver() as receiver:
        [identity] = post.record()
        command = [sys.executable, "-c", textwrap.dedent(KILLED), database_url, receiver.url]
        paths = {"PYTHONPATH": f"{ROOT / 'runtime'}:{ROOT / 'platform'}"}
        ended = subprocess.run(command, env=paths, check=False, capture_output=True, timeout=60)
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
        left = post.all()[identity]
        assert (left.tries, left.sent_at) == (1, None)
        post.addresses["webhook"] = ("webhook", {"url": receiver.url})
        post.clock.advance((left.due_at - post.clock.now()).total_seconds())
        with post.sender():
            wait_until(lambda: post.all()[identity].sent_at)
    assert [one.body["id"] for one in receiver.got] == [identity, identity]


def test_closing_sends_what_is_due_first(post):
    with http_receiver() as receiver:
        post.addresses["webhook"] = ("webhook", {"url": receiver.url})
        with post.sender(poll_seconds=300) as sender:
            stays_so(lambda: not receiver.got, 0.05)
            post.record(many=3)
            sender.close(10)
            assert len(receiver.got) == 3


def test_an_error_of_ours_is_told_by_its_type_and_tried_again(post):
    class Broken:
        def send(self, letter):
            raise RuntimeError("https://user:hunter2@host/")

    post.addresses["webhook"] = ("webhook", {})
    [identity] = post.record()
    with post.sender(Broken()):
        wait_until(lambda: post.all()[identity].last_error)
    assert post.all()[identity].last_error == "sending broke: RuntimeError"


# --- mail ----------------------------------------------------------------------------------------------------------
def mail_letter(port: int, **options) -> Letter:
    address = {
        "smtp_host": "127.0.0.1",
        "smtp_port": port,
        "smtp_starttls": False,
        "smtp_mail_from": "penstock@here.test",
        "to_emails": ["ana@there.test", "ben@there.test"],
        **options,
    }
    return Letter("0192-id", "email", "failure", "Pipeline flügë failed", "text\n\nhttp://r/1?a=1&b=2", address)


def test_every_receiver_gets_a_mail_with_the_messages_id():
    with mail_server() as server:
        AppriseNotifier(QUICK).send(mail_letter(server.port))
        AppriseNotifier(QUICK).send(mail_letter(server.port))
    assert [to for to, _ in server.got] == [["ana@there.test"], ["ben@there.test"]] * 2
    for _, mail in server.got:
        assert mail.get_all("Message-ID") == ["<0192-id@here.test>"]
        assert mail["X-Penstock-Message-Id"] == "0192-id"
        assert mail.get_content_type() == "text/plain"
        assert mail.get_payload(decode=True).decode().split() == ["text", "http://r/1?a=1&b=2"]
        assert str(make_header(decode_header(mail["Subject"]))) == "Pipeline flügë failed"


def test_a_password_is_given_as_it_is_written():
    with mail_server("p%41ss/w@rd") as server:
        AppriseNotifier(QUICK).send(mail_letter(server.port, smtp_user="ana@x", smtp_password="p%41ss/w@rd"))
    assert server.logins == [("ana@x", "p%41ss/w@rd")]
    assert len(server.got) == 2


def test_mail_that_asks_for_encryption_is_never_sent_without():
    with mail_server() as server:
        with pytest.raises(NotifierUnavailable, match="STARTTLS"):
            AppriseNotifier(QUICK).send(mail_letter(server.port, smtp_starttls=True))
        assert server.got == []


def test_receivers_with_commas_and_none_but_those():
    with mail_server() as server:
        AppriseNotifier(QUICK).send(mail_letter(server.port, to_emails="ana@there.test, root@localhost"))
    assert [to for to, _ in server.got] == [["ana@there.test"], ["root@localhost"]]


# --- the addresses of the services themselves: no test speaks to them ----------------------------------------------
@pytest.mark.parametrize(
    ("kind", "url", "service"),
    [
        ("slack", "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7", "NotifySlack"),
        (
            "teams",
            "https://prod-15.uksouth.logic.azure.com:443/workflows/3XXX5/triggers/manual/paths/invoke?api-version=1&sig=iX",
            "NotifyWorkflows",
        ),
        ("discord", "https://discord.com/api/webhooks/0000000000/BBBBBBBBBBBBBBBBBBBBBBBB", "NotifyDiscord"),
        (
            "google_chat",
            "https://chat.googleapis.com/v1/spaces/AAAA/messages?key=kkkkk&token=ttttt",
            "NotifyGoogleChat",
        ),
        ("slack", "https://chat.example.test/hooks/abc", "NotifyJSON"),
        ("teams", "https://acme.webhook.office.com/webhookb2/abc", "NotifyJSON"),
    ],
)
def test_a_service_own_address_is_spoken_to_in_its_own_way(kind, url, service):
    call = call_of(Letter("id-1", kind, "failure", "t", "x", {"webhook_url": url}), QUICK)
    assert type(call.service).__name__ == service
    assert "id-1" in call.body
    assert (call.service.socket_connect_timeout, call.service.socket_read_timeout) == (1, 1)


def test_slacks_own_form_reaches_a_server(monkeypatch):
    """Apprise's service for Slack, its address swapped for a server of ours: the payload is what Slack would get."""
    from apprise.plugins.slack import NotifySlack

    with http_receiver() as receiver:
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{receiver.url}/services")
        url = "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
        address = {"webhook_url": url}
        letter = Letter("id-1", "slack", "failure", "Pipeline x failed", "text", address)
        with pytest.raises(NotifierUnavailable):
            AppriseNotifier(QUICK).send(letter)
        # Slack says so when it has taken a message; a 200 alone may come from anything in between.
        receiver.answer = b"ok"
        AppriseNotifier(QUICK).send(letter)
    taken = receiver.got[-1]
    assert taken.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7"
    assert "Pipeline x failed" in str(taken.body)
    assert "Penstock message id-1" in str(taken.body)


@pytest.mark.parametrize("kind", ["slack", "teams", "discord", "google_chat"])
def test_an_address_that_is_none_is_refused_without_its_text(kind):
    with pytest.raises(NotifierRefused) as caught:
        AppriseNotifier(QUICK).send(Letter("i", kind, "failure", "t", "x", {"webhook_url": "ftp://hunter2"}))
    assert "hunter2" not in str(caught.value)


def test_what_apprise_says_of_an_address():
    assert apprise_problem("json://host/path") is None
    assert apprise_problem("foo://hunter2") == "Apprise knows no service of this scheme"
    assert apprise_problem("tgram://hunter2") == "this is no complete tgram:// address"


def test_the_memory_store_can_be_sent_from_too():
    post = Post(InMemoryRunStore(), FakeClock())
    with http_receiver() as receiver, post.sender():
        post.addresses["webhook"] = ("webhook", {"url": receiver.url})
        [identity] = post.record()
        wait_until(lambda: post.all()[identity].sent_at)
    assert Path(receiver.got[0].path) == Path("/")
