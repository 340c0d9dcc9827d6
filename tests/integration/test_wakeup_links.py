"""A link's carrier comes and goes: it is said once, nobody waits for it, and it is found again by itself."""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time

import psycopg
import pytest

from penstock_runtime.persistence import wakeup_link
from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from penstock_runtime.persistence.postgres_wakeups import PostgresCarrier
from penstock_runtime.persistence.redis_wakeups import RedisCarrier
from penstock_runtime.persistence.wakeup_link import LinkedWakeups, WakeupLink, messages_of, read_message
from penstock_runtime.ports.wakeups import FOR_WORKERS, Wakeup
from penstock_runtime.testing.conformance.wakeups import settle
from support.secured_postgres import Authority
from support.servers import RedisServer
from support.waiting import wait_until

WORK = Wakeup("work", "run-1")


@pytest.fixture
def own_redis(tmp_path):
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def pair(request):
    """Make a publisher and a listener with a link each, over carriers that the test makes."""

    def make(carrier):
        carriers = [carrier(), carrier()]
        for one in carriers:
            request.addfinalizer(lambda one=one: end(one))
        names = zip(carriers, ("out", "in"), strict=True)
        made = [LinkedWakeups(WakeupLink(one), name, listen=name == "in") for one, name in names]
        for one in made:
            request.addfinalizer(one.close)
        return made

    return make


def end(carrier):
    """Close what a carrier of Postgres holds, once its reader has noticed that nobody listens."""
    if isinstance(carrier, PostgresCarrier):
        wait_until(lambda: carrier._connection is None, 10, "it listens on")
        carrier._database.close()


def complaints(caplog):
    return [one.getMessage() for one in caplog.records if "carries no wake-ups" in one.getMessage()]


def test_redis_that_stops_is_said_once_and_found_again(own_redis, pair, caplog):
    out, into = pair(lambda: RedisCarrier(own_redis.url, lambda: "ours"))
    settle(out, into)
    own_redis.stop()
    wait_until(lambda: len(complaints(caplog)) >= 1, 10, "its loss is not said")
    for _ in range(20):
        began = time.monotonic()
        out.publish(WORK)
        assert time.monotonic() - began < 0.1
        select.select([into], [], [], 0.05)
    wait_until(lambda: len(complaints(caplog)) == 2, 10, "each link says it once")
    own_redis.start()
    settle(out, into)
    assert len(complaints(caplog)) == 2
    wait_until(lambda: caplog.text.count("carries wake-ups again") == 2, 10, "its return is not said")


def test_redis_that_is_not_there_at_first_is_found_later(own_redis, pair):
    own_redis.stop()
    out, into = pair(lambda: RedisCarrier(own_redis.url, lambda: "ours"))
    out.publish(WORK)
    own_redis.start()
    settle(out, into)


def test_redis_that_is_frozen_blocks_nobody(own_redis, pair, caplog):
    out, into = pair(lambda: RedisCarrier(own_redis.url, lambda: "ours"))
    settle(out, into)
    own_redis.process.send_signal(19)
    try:
        began = time.monotonic()
        for number in range(10_000):
            out.publish(Wakeup("run", str(number)))
        assert time.monotonic() - began < 5
        wait_until(lambda: complaints(caplog), 10, "a silent Redis passes for one that carries")
    finally:
        own_redis.process.send_signal(18)
    settle(out, into)


def test_a_name_that_cannot_be_had_yet_is_asked_for_again(own_redis, pair):
    names = iter([ConnectionError("no database"), ConnectionError("no database")])

    def name():
        for error in names:
            raise error
        return "ours"

    out, into = pair(lambda: RedisCarrier(own_redis.url, name))
    settle(out, into)


def test_postgres_that_restarts_is_found_again(durable_postgres, pair, caplog):
    def carrier():
        return PostgresCarrier(open_database(DatabaseOptions(durable_postgres.url())))

    out, into = pair(carrier)
    settle(out, into)
    durable_postgres.stop()
    wait_until(lambda: complaints(caplog), 10, "its loss is not said")
    durable_postgres.start()
    settle(out, into)


def test_behind_a_pooler_a_process_polls_and_says_so_once(postgres_url, pair, caplog):
    """A pooler's word for the server's process is its own, which tells it from a server."""
    database = open_database(DatabaseOptions(postgres_url))
    connect = database.connect
    tried = []

    class Pooled:
        def __init__(self, real):
            self.real = real

        def execute(self, text):
            tried.append(text)
            return self.real.execute("SELECT -1")

        def __getattr__(self, name):
            return getattr(self.real, name)

    database.connect = lambda: Pooled(connect())
    _, into = pair(lambda: PostgresCarrier(database))
    wait_until(lambda: "pooler" in caplog.text, 10, "it is not said")
    assert not select.select([into], [], [], 0.5)[0]
    assert tried == ["SELECT pg_backend_pid()"]
    database.close()


def test_a_notification_waits_for_no_disk_and_no_other_transaction(postgres_url):
    database = open_database(DatabaseOptions(postgres_url))
    carrier = PostgresCarrier(database)
    try:
        with psycopg.connect(postgres_url, autocommit=True) as other:
            other.execute("LISTEN penstock_work")
            carrier.send("work", '["o", [["work", "1"]]]')
            (heard,) = other.notifies(timeout=5, stop_after=1)
            assert heard.payload == '["o", [["work", "1"]]]'
        with database.transaction() as session:
            assert session.text("SHOW synchronous_commit")[0][0] in {"off", "on"}
            session.rows(wakeup_statement(), to="penstock_work", what="x")
            assert session.text("SHOW synchronous_commit")[0][0] == "off"
    finally:
        database.close()


def wakeup_statement():
    from penstock_runtime.persistence import postgres_wakeups

    return postgres_wakeups._NOTIFY


def test_messages_are_short_enough_and_lose_nothing():
    batch = [("origin", Wakeup("log", f"run-{number}/{'ä' * 40}")) for number in range(500)]
    batch += [("origin", WORK), ("other", Wakeup("run", "x" * 20_000))]
    found = list(messages_of(batch))
    assert all(len(message.encode()) < 8000 for _, message in found)
    read = {(channel, read_message(message)[0], one) for channel, message in found for one in read_message(message)[1]}
    assert ("work", "origin", WORK) in read
    assert ("news", "other", Wakeup("run")) in read
    assert {one for _, _, one in read} >= {wakeup for _, wakeup in batch[:500]}
    assert read_message("nonsense") == ("", ())


def test_news_wait_for_company_and_work_does_not(pair):
    sent, done = [], threading.Event()

    class Noting:
        name = "a list"

        def send(self, channel, message):
            sent.append((time.monotonic(), channel, len(read_message(message)[1])))
            done.set()

        def stop_sending(self):
            pass

        def pause(self, failures):
            return 0.01

    link = WakeupLink(Noting())
    began = time.monotonic()
    for number in range(100):
        link.publish("me", [Wakeup("run", str(number))])
    link.flush(5)
    assert len(sent) <= 3
    assert sum(count for _, _, count in sent) == 100
    assert sent[0][0] - began >= wakeup_link.LINGER_SECONDS * 0.9
    sent.clear()
    began = time.monotonic()
    link.publish("me", [WORK])
    link.flush(5)
    assert sent[0][1] == "work"
    assert {one.topic for one in (WORK,)} <= FOR_WORKERS


class TlsEnd:
    """TLS in front of a port, as managed Redis has it."""

    def __init__(self, context: ssl.SSLContext, port: int) -> None:
        self.context, self.target = context, port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        try:
            with (
                self.context.wrap_socket(plain, server_side=True) as here,
                socket.create_connection(("127.0.0.1", self.target)) as there,
            ):
                here.setblocking(False)
                self._carry(here, there)
        except OSError:
            return

    @staticmethod
    def _carry(here: ssl.SSLSocket, there: socket.socket) -> None:
        while True:
            ready = [here, there] if here.pending() else select.select([here, there], [], [])[0]
            if there in ready:
                data = there.recv(65536)
                if not data:
                    return
                here.sendall(data)
            try:
                data = here.recv(65536)
            except ssl.SSLWantReadError:
                continue
            if not data:
                return
            there.sendall(data)


def test_redis_over_tls_is_checked_against_the_authority(own_redis, pair, tmp_path, caplog):
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    front = TlsEnd(authority.server_context("localhost"), own_redis.port)
    url = f"rediss://localhost:{front.port}/0"
    try:
        out, into = pair(lambda: RedisCarrier(url, lambda: "ours", str(authority.file)))
        settle(out, into)
        carrier = RedisCarrier(url, lambda: "ours", str(stranger.file))
        with pytest.raises(Exception, match="certificate verify failed"):
            carrier.send("work", "x")
        carrier = RedisCarrier(url.replace("localhost", "127.0.0.1"), lambda: "ours", str(authority.file))
        with pytest.raises(Exception, match="certificate verify failed"):
            carrier.send("work", "x")
    finally:
        front.close()
