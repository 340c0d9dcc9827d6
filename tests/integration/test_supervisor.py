"""The supervisor's hold on real processes: small ones of the tests' own, and the embedded Postgres and Redis."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis as redis_client
from redis.backoff import NoBackoff
from redis.retry import Retry

from penstock_platform.local import Machine, Wish, local_plan
from penstock_platform.vocabulary import Topology
from penstock_runtime.domain.errors import Conflict, InvalidInput
from penstock_runtime.supervisor import kept, postgres, redis
from penstock_runtime.supervisor.fleet import Fleet
from penstock_runtime.supervisor.kept import Hooks, Kept
from penstock_runtime.supervisor.lives import Life
from penstock_runtime.supervisor.logbook import LogBook
from penstock_runtime.supervisor.places import FolderLock
from penstock_runtime.supervisor.snapshots import State
from support.installation import short_folder
from support.standing import secrets_seen

PATIENCE = 20.0
SLEEPER = "import time\nprint('hello', flush=True)\ntime.sleep(600)\n"
DEAF = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{SLEEPER}"
BROKEN = "print('the reason why', flush=True)\nraise SystemExit(3)\n"


class Script:
    """Starts a program of the test; well for as long as the test says so."""

    def __init__(self, text, endings=((signal.SIGTERM, 0.5),)):
        self.text, self.endings, self.well, self.pids = text, endings, True, []

    async def start(self, output):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", self.text, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )
        self.pids.append(process.pid)
        return Life(process, self.probe)

    async def probe(self):
        return self.well


@pytest.fixture
def lines():
    return []


@pytest.fixture
def told():
    return []


@pytest.fixture
def keep(tmp_path, lines, told, monkeypatch):
    """Keep a script for the length of a block; afterwards nothing of it may be alive."""
    monkeypatch.setattr(kept, "FIRST_BACKOFF_SECONDS", 0.01)
    monkeypatch.setattr(kept, "LOOK_SECONDS", 0.05)

    @asynccontextmanager
    async def keeping(script):
        book = LogBook(tmp_path / "logs", lambda name, line: lines.append((name, line)))
        hooks = Hooks(
            lambda one, kind, _text: told.append((one.name, kind)),
            lambda member: told.append((member, "died")),
            lambda one, reason, code: told.append((one.name, reason, code)),
        )
        one = Kept("one", "one", script, book, hooks)
        one.start()
        try:
            yield one
        finally:
            one.end_at_once()
            await one.stop()
            book.close()
        assert [pid for pid in script.pids if psutil.pid_exists(pid)] == []

    return keeping


async def until(condition, otherwise="it did not happen"):
    """Wait in the loop; each look gives the others their turn."""
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0)
            await asyncio.get_running_loop().run_in_executor(None, os.sched_yield)


def test_a_killed_process_comes_back_and_its_lines_are_kept(keep, lines, told, tmp_path):
    async def act():
        script = Script(SLEEPER)
        async with keep(script) as one:
            await one.ready.wait()
            await until(lambda: ("one", "hello") in lines)
            os.kill(script.pids[0], signal.SIGKILL)
            await until(lambda: len(script.pids) == 2 and one.ready.is_set())
            assert (one.restarts, one.state, one.pid) == (1, State.RUNNING, script.pids[1])
            await until(lambda: lines.count(("one", "hello")) == 2)
        assert (tmp_path / "logs" / "one.log").read_text() == "hello\nhello\n"

    asyncio.run(act())
    assert [kind for _, kind in told[:4]] == ["started", "ready", "ended", "started"]


def test_a_process_that_stops_answering_is_killed_and_replaced(keep, told):
    async def act():
        script = Script(SLEEPER)
        async with keep(script) as one:
            await one.ready.wait()
            script.well = False
            await until(lambda: one.state is State.UNWELL)
            await until(lambda: len(script.pids) == 2)
            assert not psutil.pid_exists(script.pids[0])
            script.well = True
            await one.ready.wait()

    asyncio.run(act())
    assert ("one", "hung") in told


def test_one_that_never_starts_is_given_up_with_its_last_words(keep, told):
    async def act():
        script = Script(BROKEN)
        script.well = False
        async with keep(script) as one:
            await until(lambda: any(len(one) == 3 for one in told))
            assert one.state is State.STOPPED
        assert len(script.pids) == kept.HOPELESS

    asyncio.run(act())
    (given_up,) = [one for one in told if len(one) == 3]
    assert given_up[2] == 1
    assert "the reason why" in given_up[1]


def test_one_that_ignores_the_word_to_stop_is_killed(keep, lines, told):
    async def act():
        script = Script(DEAF)
        async with keep(script) as one:
            await until(lambda: ("one", "hello") in lines)
            await one.stop()
            assert one.state is State.STOPPED
            assert not psutil.pid_exists(script.pids[0])

    asyncio.run(act())
    assert ("one", "killing") in told


class Silence:
    """A watcher that looks away."""

    pictures = False

    def event(self, event):
        """Nothing."""

    def line(self, process, text):
        """Nothing."""


def test_the_youngest_leave_and_the_number_stays_within_its_bounds(tmp_path):
    async def act():
        book = LogBook(tmp_path, lambda _name, _line: None)
        plan = local_plan(Wish(Topology.AUTOSCALE), Machine(8, 16_384))
        fleet = Fleet(plan, lambda _service, _name: Script(SLEEPER), book, Silence(), lambda _member: None)
        fleet.start_services()
        try:
            await fleet.page_answers()
            names = lambda: [one.name for one in fleet.pictures({}) if one.role == "scheduler"]  # noqa: E731
            assert names() == ["scheduler-1", "scheduler-2"]
            grown = fleet.scale("scheduler", 4)
            assert (grown.count, grown.wanted) == (4, 4)
            assert fleet.scale("scheduler", 99).wanted == 6
            shrunk = fleet.scale("scheduler", 0)
            assert (shrunk.count, shrunk.wanted) == (2, 2)
            await until(lambda: names() == ["scheduler-1", "scheduler-2"])
            with pytest.raises(InvalidInput, match="there are: web, scheduler"):
                fleet.scale("postgres", 1)
        finally:
            await fleet.drain()
            book.close()
        assert fleet.scale("scheduler", 5).wanted == 2
        assert {one.state for one in fleet.pictures({})} == {State.STOPPED}

    asyncio.run(act())


def test_only_one_supervises_a_folder(tmp_path):
    first = FolderLock(tmp_path)
    first.describe("ha", "127.0.0.1:6789")
    with pytest.raises(Conflict, match=rf"process {os.getpid()} \(ha, 127.0.0.1:6789\)"):
        FolderLock(tmp_path)
    first.release()
    FolderLock(tmp_path).release()


# --- the embedded servers ------------------------------------------------------------------------------------------
@pytest.fixture
def home():
    with short_folder() as folder:
        yield folder


@asynccontextmanager
async def running(server):
    output = os.open(os.devnull, os.O_WRONLY)
    try:
        life = await server.start(output)
    finally:
        os.close(output)
    ask = life.accepts or life.probe
    async with asyncio.timeout(PATIENCE):
        while not await ask():
            assert life.process.returncode is None
            await asyncio.get_running_loop().run_in_executor(None, os.sched_yield)
    try:
        yield life
    finally:
        if life.process.returncode is None:
            life.process.send_signal(server.endings[0][0])
        await life.process.wait()


def prepared(home: Path):
    return postgres.prepare(home / "postgres", home / "keys" / "x.postgres", connections=5)


def test_postgres_asks_for_its_password_and_keeps_its_data(home):
    async def act():
        server = prepared(home)
        assert (home / "keys" / "x.postgres").stat().st_mode & 0o777 == 0o600
        assert server.sockets.stat().st_mode & 0o777 == 0o700
        async with running(server):
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
                assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
            with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
                psycopg.connect(server.url.replace(server.password, "guessed"))
        again = prepared(home)
        assert again.url == server.url
        async with running(again):
            with psycopg.connect(again.url) as connection:
                assert connection.execute("SELECT value FROM kept").fetchone() == (7,)

    asyncio.run(act())


def test_postgres_comes_back_after_a_kill_and_over_what_that_left(home):
    async def act():
        server = prepared(home)
        async with running(server) as life:
            with psycopg.connect(server.url, autocommit=True) as connection:
                connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
            life.process.kill()
            await life.process.wait()
        left = server.data / "postmaster.pid"
        assert left.exists()
        # Its process id may have been given to another since, of the same user.
        other = await asyncio.create_subprocess_exec(sleep, "600", cwd="/", **server.runs_as.given())
        left.write_text(left.read_text().replace(left.read_text().splitlines()[0], str(other.pid), 1))
        async with running(server):
            with psycopg.connect(server.url) as connection:
                assert connection.execute("SELECT value FROM kept").fetchone() == (7,)
        assert other.returncode is None
        other.kill()
        await other.wait()

    sleep = shutil.which("sleep")
    asyncio.run(act())


def test_a_postgres_that_a_killed_supervisor_left_is_ended_first(home):
    async def act():
        server = prepared(home)
        async with running(server) as first, running(server) as second:
            assert first.process.returncode is not None or psutil.Process(first.process.pid).status() == "zombie"
            assert second.process.pid != first.process.pid

    asyncio.run(act())


def test_data_of_another_version_and_a_lost_password_are_said(home):
    server = prepared(home)
    (home / "keys" / "x.postgres").rename(home / "elsewhere")
    with pytest.raises(InvalidInput, match=r"x.postgres is gone"):
        prepared(home)
    (server.data / "PG_VERSION").write_text("9\n")
    with pytest.raises(InvalidInput, match="is of Postgres 9, and the programs here are of"):
        prepared(home)


def test_redis_asks_for_its_password_and_writes_nothing_down(home):
    async def act():
        server = redis.prepare(home / "redis")
        async with running(server) as life:
            with redis_client.Redis.from_url(server.url) as known:
                assert known.set("a", 1)
            stranger = redis_client.Redis(unix_socket_path=str(server.socket), retry=Retry(NoBackoff(), 0))
            with stranger, pytest.raises(redis_client.AuthenticationError):
                stranger.ping()
            assert secrets_seen({"redis": life.process.pid}, [server.password]) == []
            assert secrets_seen({"redis": life.process.pid}, ["redis-server"]) != []
        assert list(home.iterdir()) == []

    asyncio.run(act())


@pytest.mark.parametrize(("prepare", "setting"), [("postgres", "DATABASE_URL"), ("redis", "REDIS_URL")])
def test_where_the_programs_are_missing_it_says_what_to_install_or_to_set(home, monkeypatch, prepare, setting):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InvalidInput, match=r"penstock\[local\]") as refused:
        prepared(home) if prepare == "postgres" else redis.prepare(home / "redis")
    assert setting in str(refused.value)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to run Postgres as somebody else")
def test_root_is_told_which_folder_nobody_may_not_pass(home):
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(InvalidInput, match=f"may not pass through {closed}"):
        postgres.prepare(closed / "postgres", home / "x", connections=5)


def test_a_server_ends_with_the_process_that_started_it(home):
    """Also when that process is killed, and can tell nobody."""
    script = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from penstock_runtime.supervisor import redis\n"
        "async def main():\n"
        "    life = await redis.prepare(Path(sys.argv[1])).start(1)\n"
        "    while not await life.probe():\n"
        "        await asyncio.sleep(0.01)\n"
        "    print('pid', life.process.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(home / "redis")], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = next(int(line.split()[1]) for line in parent.stdout if line.startswith(b"pid "))
        server = psutil.Process(pid)
        parent.kill()
        server.wait(PATIENCE)
