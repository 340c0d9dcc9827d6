"""Every way of wake-ups keeps the port: on the machine, through Redis, through Postgres, and several as one."""

from __future__ import annotations

import itertools

import pytest

from penstock_runtime.persistence.engine import DatabaseOptions, open_database
from penstock_runtime.persistence.postgres_wakeups import PostgresCarrier
from penstock_runtime.persistence.redis_wakeups import RedisCarrier
from penstock_runtime.persistence.several_wakeups import SeveralWakeups
from penstock_runtime.persistence.unix_wakeups import UnixWakeups
from penstock_runtime.persistence.wakeup_link import LinkedWakeups, WakeupLink
from penstock_runtime.testing.conformance.wakeups import WakeupsConformance
from penstock_runtime.testing.memory_wakeups import Board, InMemoryWakeups
from support.waiting import wait_until

_numbers = itertools.count()


def joining(request, make):
    """Return a maker of subscribers that are closed when the test ends."""

    def join(**options):
        made = make(**options)
        request.addfinalizer(made.close)
        return made

    return join


def linked(link, **options):
    return LinkedWakeups(link, f"origin-{next(_numbers)}", **options)


class TestInMemoryWakeups(WakeupsConformance):
    @pytest.fixture
    def join(self, request):
        board = Board()
        return joining(request, lambda **options: InMemoryWakeups(board, **options))

    @pytest.fixture
    def stranger(self, request):
        board = Board()
        return joining(request, lambda **options: InMemoryWakeups(board, **options))


class TestUnixWakeups(WakeupsConformance):
    @pytest.fixture
    def join(self, request, tmp_path_factory):
        folder = tmp_path_factory.mktemp("w") / "s"
        return joining(request, lambda **options: UnixWakeups(folder, **options))

    @pytest.fixture
    def stranger(self, request, tmp_path_factory):
        folder = tmp_path_factory.mktemp("o") / "s"
        return joining(request, lambda **options: UnixWakeups(folder, **options))


class TestRedisWakeups(WakeupsConformance):
    """Publishers and listeners have links of their own, as processes have."""

    @pytest.fixture
    def join(self, request, redis_url):
        link = WakeupLink(RedisCarrier(redis_url, lambda: "ours"))
        other = WakeupLink(RedisCarrier(redis_url, lambda: "ours"))
        links = itertools.cycle((link, other))
        return joining(request, lambda **options: linked(next(links), **options))

    @pytest.fixture
    def stranger(self, request, redis_url):
        link = WakeupLink(RedisCarrier(redis_url, lambda: "theirs"))
        return joining(request, lambda **options: linked(link, **options))


def database_of(request, url):
    database = open_database(DatabaseOptions(url))
    request.addfinalizer(database.close)
    return database


def carrier_of(request, url):
    """Return a carrier whose listening connection is gone when the test ends."""
    carrier = PostgresCarrier(database_of(request, url))
    request.addfinalizer(lambda: wait_until(lambda: carrier._connection is None, 10, "it listens on"))
    return carrier


class TestPostgresWakeups(WakeupsConformance):
    @pytest.fixture
    def join(self, request, postgres_url):
        links = itertools.cycle([WakeupLink(carrier_of(request, postgres_url)) for _ in range(2)])
        return joining(request, lambda **options: linked(next(links), **options))

    @pytest.fixture
    def stranger(self, request, empty_postgres_url):
        link = WakeupLink(carrier_of(request, empty_postgres_url))
        return joining(request, lambda **options: linked(link, **options))


class TestSeveralWakeups(WakeupsConformance):
    """Two machines: each has a folder and an origin of its own, and Redis in common."""

    @pytest.fixture
    def join(self, request, redis_url, tmp_path_factory):
        machines = itertools.cycle([self.machine(redis_url, "ours", tmp_path_factory) for _ in range(2)])
        return joining(request, lambda **options: next(machines)(**options))  # noqa: PLW0108 - another machine each time

    @pytest.fixture
    def stranger(self, request, redis_url, tmp_path_factory):
        return joining(request, self.machine(redis_url, "theirs", tmp_path_factory))

    @staticmethod
    def machine(redis_url, namespace, tmp_path_factory):
        folder = tmp_path_factory.mktemp("m") / "s"
        link = WakeupLink(RedisCarrier(redis_url, lambda: namespace))

        def make(*, listen=True, echo=False, only=None):
            local = UnixWakeups(folder, listen=listen, echo=echo, only=only)
            return SeveralWakeups(local, LinkedWakeups(link, str(folder), listen=listen, only=only))

        return make

    def test_what_is_said_on_the_machine_is_heard_once(self, join):
        here, _, also_here = join(), join(), join()
        heard = []

        def said(wakeup):
            here.publish(wakeup)
            heard.clear()
            wait_until(lambda: heard.extend(also_here.drain()) or heard, 10)
            return heard

        from penstock_runtime.ports.wakeups import Wakeup
        from support.waiting import stays_so

        for number in range(3):
            wakeup = Wakeup("work", str(number))
            assert said(wakeup) == [wakeup]
            stays_so(lambda: not also_here.drain(), 0.3, "it came again, through Redis")
