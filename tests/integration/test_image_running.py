"""The image without a container engine: built by the Dockerfile's own steps, run as its user on a read-only root."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import boto3
import httpx
import psutil
import pytest
from cryptography.fernet import Fernet
from moto.server import ThreadedMotoServer

from penstock_platform.contract import SETTINGS
from penstock_runtime.environments.builder import EnvironmentBuilder
from penstock_runtime.project.requirements import extra_requirements, requirements_text
from penstock_runtime.project.starter import create_project
from support.databases import folder_of
from support.image_steps import USER, Image, entry_point, environment_of, exec_form, only, steps
from support.installation import private_state
from support.secured_postgres import PasswordPostgres, password_postgres
from support.servers import free_port
from support.sources import ROOT
from support.waiting import wait_until

OWNER_CODE = "the stack's own owner code"
PASSWORD = "correct horse battery"
STOP_SECONDS = 30.0
QUICK = {
    "PENSTOCK_MEMBER_LEASE_SECONDS": "2",
    "PENSTOCK_MEMBER_HEARTBEAT_SECONDS": "0.3",
    "PENSTOCK_POLL_SECONDS": "0.2",
    "PENSTOCK_DRAIN_SECONDS": "2",
}


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    # Not below pytest's own folder, which is closed to other users.
    folder = Path(tempfile.mkdtemp(prefix="penstock-image-"))
    made = Image(folder)
    made.build()
    yield made
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def postgres(pytestconfig) -> Iterator[PasswordPostgres]:
    with password_postgres(folder_of(pytestconfig), f"pg-image-{os.getpid()}") as server:
        server.set_password("from the vault")
        yield server


@dataclass
class Container:
    """One started entry point."""

    name: str
    process: subprocess.Popen[bytes]
    environ: Mapping[str, str]
    log: Path
    image: Image
    places: tuple[Path, Path]

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def url(self) -> str:
        lone = self.environ["INSTANCE_TYPE"] == "scheduler"
        return f"http://127.0.0.1:{self.environ['PENSTOCK_HEALTH_PORT' if lone else 'PENSTOCK_PORT']}"

    def status(self, path: str) -> int:
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}:\n{self.said()}"
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(self.url() + path, timeout=5).status_code
        return 0

    def wait(self, path: str = "/readyz") -> None:
        wait_until(lambda: self.status(path) == httpx.codes.OK, 40, lambda: f"{self.name}: no {path}\n{self.said()}")

    def run(self, words: list[str]) -> subprocess.CompletedProcess[str]:
        """Run one command in a container like this one."""
        command = self.image.command(*self.places, words)
        return subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False, timeout=30)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(STOP_SECONDS)


def linked_or_copied(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


@pytest.fixture(scope="module")
def environments(tmp_path_factory) -> Iterator[Path]:
    """The user environment of the starter project, alone in a folder."""
    home = tmp_path_factory.mktemp("environments")
    project = home / "project"
    create_project(project)
    builder = EnvironmentBuilder(private_state(home), environ=dict(os.environ))
    made = builder.ensure(requirements_text(project), extra_requirements(project))
    folder = home / "alone"
    folder.mkdir()
    environment = Path(made.python).parent.parent.resolve()
    shutil.copytree(environment, folder / environment.name, symlinks=True, copy_function=linked_or_copied)
    yield folder
    shutil.rmtree(home)


class Fleet:
    """Containers of one stack: one database, one Redis, one share."""

    def __init__(
        self, image: Image, postgres: PasswordPostgres, redis_url: str, environments: Path, home: Path
    ) -> None:
        self.image = image
        self.environments = environments
        self.home = home
        self.share = home / "share"
        self.started: list[Container] = []
        self.environ = {
            **environment_of("runtime"),
            **QUICK,
            "LANG": "C.UTF-8",
            "PENSTOCK_HOST": "127.0.0.1",
            "PENSTOCK_DB_HOST": "127.0.0.1",
            "PENSTOCK_DB_PORT": str(postgres.port),
            "PENSTOCK_DB_NAME": "postgres",
            "PENSTOCK_DB_PASSWORD": "from the vault",
            "PENSTOCK_ENCRYPTION_KEY": Fernet.generate_key().decode(),
            "PENSTOCK_OWNER_CODE": OWNER_CODE,
            "PENSTOCK_STANDBY_SECONDS": "unlimited",
            "REDIS_URL": redis_url,
        }

    def start(self, name: str, role: str) -> Container:
        """Start one more container."""
        ports = {"PENSTOCK_PORT": str(free_port()), "PENSTOCK_HEALTH_PORT": str(free_port())}
        environ = {**self.environ, **ports, "INSTANCE_TYPE": role}
        places = (self.share, self.home / name)
        self._give_environments(places[1] / "penstock" / "state")
        words = [*entry_point(), *exec_form(only("runtime", "CMD"))]
        log = self.home / f"{name}.log"
        with log.open("wb") as file:
            process = subprocess.Popen(
                self.image.command(*places, words), env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=file
            )
        self.started.append(Container(name, process, environ, log, self.image, places))
        return self.started[-1]

    def _give_environments(self, state: Path) -> None:
        """Put the starter's environment where the container looks: made once on this machine, as other lanes' are."""
        state.mkdir(parents=True)
        shutil.copytree(self.environments, state / "environments", symlinks=True, copy_function=linked_or_copied)
        if os.geteuid() == 0:
            for folder in (state, state / "environments"):
                os.chown(folder, USER, USER)

    def end(self) -> None:
        for one in self.started:
            if one.process.poll() is None:
                one.process.terminate()
                try:
                    one.process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    one.process.kill()


@pytest.fixture
def fleet(image, postgres, redis_url, environments) -> Iterator[Fleet]:
    home = Path(tempfile.mkdtemp(prefix="penstock-fleet-"))
    home.chmod(0o755)
    made = Fleet(image, postgres, redis_url, environments, home)
    yield made
    made.end()
    shutil.rmtree(home, ignore_errors=True)


@contextlib.contextmanager
def first_owner(web: Container) -> Iterator[httpx.Client]:
    """Make the first owner with the stack's code; give a client that is signed in."""
    with httpx.Client(base_url=f"{web.url()}/api/v1", timeout=10) as client:
        made = client.post("/setup", json={"code": OWNER_CODE, "name": "ada", "password": PASSWORD})
        assert made.status_code == httpx.codes.CREATED, made.text
        client.headers["X-CSRF-Token"] = made.json()["csrf_token"]
        yield client


def test_a_split_stack_comes_up_on_an_empty_share_works_and_drains(fleet):
    web, scheduler = fleet.start("web", "web_server"), fleet.start("scheduler", "scheduler")
    web.wait()
    scheduler.wait()
    assert sorted(path.name for path in (fleet.share / "penstock").iterdir()) == ["data", "project"]
    assert [web.said().count("a starter project"), scheduler.said().count("a starter project")].count(1) == 1
    assert httpx.get(web.url()).status_code == httpx.codes.OK
    assert OWNER_CODE not in web.said()
    assert "PENSTOCK_OWNER_CODE" in web.said()

    health = exec_form(only("runtime", "HEALTHCHECK"))
    assert web.run(health).returncode == 0
    assert scheduler.run(health).returncode == 0

    assert secrets_that_blocks_could_read(web) == []
    assert secrets_that_blocks_could_read(scheduler) == []

    with first_owner(web) as client:
        wait_until(lambda: client.get("/pipelines").json()["items"], 20, scheduler.said)
        succeeds(client, scheduler)
        # With the stack's Redis a second one works beside the first, and goes on alone.
        second = fleet.start("second", "scheduler")
        second.wait()
        working = [one for one in client.get("/cluster").json()["schedulers"] if not one["standby"]]
        assert len(working) == 2
        assert scheduler.status("/readyz") == httpx.codes.OK
        assert scheduler.stop() == 0, scheduler.said()
        succeeds(client, second)
    assert web.stop() == 0, web.said()
    assert web.run(health).returncode == 1


def succeeds(client: httpx.Client, scheduler: Container) -> None:
    """Run the starter's pipeline."""
    run = client.post("/pipelines/first_pipeline/runs", json={"variables": {}}).json()["id"]
    ended = wait_until(lambda: ending(client, run), 40, scheduler.said)
    assert ended == "succeeded", client.get(f"/runs/{run}/blocks").text + scheduler.said()


READING = """\
import pathlib, sys
for pid in sys.argv[1:]:
    for name in ("environ", "cmdline"):
        try:
            print(pid, name, pathlib.Path("/proc", pid, name).read_bytes().replace(bytes(1), b" ").decode())
        except OSError:
            pass
"""


def secrets_that_blocks_could_read(container: Container) -> list[str]:
    """Return the secret settings that a process of the container's user finds at any process of the container."""
    first = psutil.Process(container.process.pid)
    pids = [str(one.pid) for one in (first, *first.children(recursive=True))]
    assert len(pids) > 1
    done = container.run(["/opt/penstock/bin/python", "-I", "-c", READING, *pids])
    assert " cmdline " in done.stdout, done.stderr
    secret = [setting.name for setting in SETTINGS if setting.secret and setting.name in container.environ]
    assert {"PENSTOCK_ENCRYPTION_KEY", "PENSTOCK_OWNER_CODE"} <= set(secret)
    return [name for name in secret if container.environ[name] in done.stdout]


def ending(client: httpx.Client, run: str) -> str | None:
    status = client.get(f"/runs/{run}").json()["status"]
    return status if status not in ("queued", "running") else None


@pytest.fixture
def aws() -> Iterator[str]:
    """Secrets Manager with the database's secret as RDS keeps it; its address."""
    running = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    running.start()
    url = "http://{}:{}".format(*running.get_host_and_port())
    known = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "eu-central-1"}
    client = boto3.client("secretsmanager", endpoint_url=url, **known)
    client.create_secret(Name="rds!db-1", SecretString='{"username": "penstock", "password": "from the vault"}')
    yield url
    running.stop()


def test_one_container_of_both_reads_its_managed_password_and_drains_on_sigterm(fleet, aws):
    """The scheduler is a process of its own, started without our environment: it must find AWS all the same."""
    del fleet.environ["PENSTOCK_DB_PASSWORD"]
    fleet.environ |= {"AWS_ENDPOINT_URL": aws, "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"}
    fleet.environ |= {"AWS_REGION": "eu-central-1", "PENSTOCK_DB_SECRET": "aws:rds!db-1"}
    single = fleet.start("single", "server_and_scheduler")
    single.wait()
    probe = f"http://127.0.0.1:{single.environ['PENSTOCK_HEALTH_PORT']}/readyz"
    wait_until(lambda: answers(probe), 30, single.said)
    assert single.stop() == 0, single.said()
    assert not answers(probe)
    follower = fleet.start("follower", "scheduler")
    follower.wait()
    assert "held by" not in follower.said()


def answers(url: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(url, timeout=5).status_code == httpx.codes.OK
    return False


def test_nothing_but_the_volumes_can_be_written(fleet):
    web = Container("web", None, fleet.environ, fleet.home / "none", fleet.image, (fleet.share, fleet.home / "web"))
    code = (
        "import os, pathlib\n"
        "open_to_us = []\n"
        "for place in ('/', '/opt', '/opt/penstock', '/etc', '/usr', '/mnt/penstock', '/var/lib/penstock', '/tmp'):\n"
        "    try:\n"
        "        pathlib.Path(place, 'written').touch()\n"
        "        open_to_us.append(place)\n"
        "    except OSError:\n"
        "        pass\n"
        "print(os.getuid(), os.getgid(), *open_to_us)"
    )
    done = web.run(["/opt/penstock/bin/python", "-I", "-c", code])
    assert done.stdout.split() == ["10001", "10001", "/mnt/penstock", "/var/lib/penstock", "/tmp"], done.stderr


def test_another_command_goes_to_penstock_and_makes_no_project(fleet):
    container = Container(
        "any", None, fleet.environ, fleet.home / "none", fleet.image, (fleet.share, fleet.home / "any")
    )
    done = container.run([*entry_point(), "doctor", "--json"])
    assert "holds no project" in done.stdout + done.stderr or "there is no folder" in done.stdout + done.stderr
    assert not (fleet.share / "penstock" / "project").exists()


def test_a_share_of_another_owner_is_refused_with_what_to_do(fleet):
    if os.geteuid() != 0:
        pytest.skip("only root can give a folder to somebody else")
    container = Container(
        "any", None, fleet.environ, fleet.home / "none", fleet.image, (fleet.share, fleet.home / "any")
    )
    command = fleet.image.command(*container.places, [*entry_point(), "start"])
    os.chown(fleet.share / "penstock", 0, 0)
    done = subprocess.run(command, env=fleet.environ, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "must be writable for 10001:10001" in done.stderr


def plain(name: str) -> str:
    """Return a distribution's name in the one spelling that all of its spellings come to."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_bill_of_materials_names_what_is_in_the_environment(image):
    (line,) = [step.value for step in steps() if step.stage == "sbom" and "cyclonedx-py" in step.value]
    image.run(line, environment_of("build"), PurePosixPath("/opt/src"))
    bill = json.loads((image.opt / "sbom" / "python.cdx.json").read_text())
    names = {one["name"]: one["version"] for one in bill["components"]}
    installed = {path.name.split("-")[0].lower() for path in (image.opt / "penstock").rglob("*.dist-info")}
    assert bill["bomFormat"] == "CycloneDX"
    assert {plain(name) for name in names} >= {plain(name) for name in installed} - {"penstock"}
    assert bill["metadata"]["component"]["name"] == "penstock"


FIRST = """\
import importlib.util, os, signal, sys, time
spec = importlib.util.spec_from_file_location("entrypoint", sys.argv[1])
entrypoint = importlib.util.module_from_spec(spec)
spec.loader.exec_module(entrypoint)
entrypoint.stay_as_first_process()
signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
reader, writer = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.write(writer, str(os.getpid()).encode())
        os._exit(0)
    os._exit(0)
os.wait()
orphan = os.read(reader, 10).decode()
deadline = time.monotonic() + 10
while os.path.exists(f"/proc/{orphan}") and time.monotonic() < deadline:
    time.sleep(0.01)
print(os.getppid(), os.path.exists(f"/proc/{orphan}"), flush=True)
os.kill(1, signal.SIGTERM)
signal.pause()
"""


def test_as_process_1_it_buries_orphans_hands_signals_on_and_ends_as_its_child():
    namespaces = [*Image.namespace(), "--pid", "--fork", "--mount-proc"]
    command = [*namespaces, sys.executable, "-c", FIRST, str(ROOT / "runtime" / "images" / "entrypoint.py")]
    environ = {**os.environ, "PYTHONPATH": str(ROOT / "runtime")}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=30)
    assert done.stdout.split() == ["1", "False"], done.stderr
    assert done.returncode == 7
