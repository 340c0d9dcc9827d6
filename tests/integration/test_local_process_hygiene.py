"""As a non-root user, a block looks for the engine's keys everywhere a process of that user can look."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

SECRET = "k3y-of-the-engine-" + "x" * 20
NOBODY = "65534"

WORKER = """
import json, os, sys
from pathlib import Path
from penstock_runtime.hardening import clean_environment, is_dumpable, make_non_dumpable
from penstock_runtime.settings import read_settings
if sys.argv[2] == 'hardened':
    make_non_dumpable()
assert is_dumpable() == (sys.argv[2] != 'hardened')
from support.process_bench import LocalExecutorBench
leak = open(sys.argv[3])
os.set_inheritable(leak.fileno(), True)
settings = read_settings({**os.environ, 'PENSTOCK_BLOCK_ENV': 'GRANTED', 'GRANTED': 'yes'})
environ = clean_environment(settings.plain_env, settings.block_env)
bench = LocalExecutorBench(Path(sys.argv[1]), environ=environ)
end = bench.run('spy', Path(sys.argv[4]).read_text())
print(json.dumps({'reason': end.reason, 'message': end.message, 'uid': os.getuid(),
                  'found': end.result and end.result['outputs'][0]['inline']}))
bench.executor.close()
"""

SPY = """
import ctypes, glob
secret = ('k3y-of-the-engine-' + 'x' * 20).encode()
libc = ctypes.CDLL(None, use_errno=True)

def read(path):
    try:
        with open(path, 'rb') as file:
            return file.read()
    except OSError:
        return b''

def readable(path):
    try:
        os.close(os.open(path, os.O_RDONLY))
        return True
    except OSError:
        return False

def parent_of(pid):
    return int(read('/proc/%d/stat' % pid).rpartition(b')')[2].split()[1])

runner = os.getppid()
worker = parent_of(runner)
attached = libc.ptrace(16, worker, None, None) == 0
if attached:
    os.waitpid(worker, 0)  # until it has stopped: who is not stopped cannot be let go, and stays stopped later
    libc.ptrace(17, worker, None, None)
pidfd = os.pidfd_open(worker)
stolen = libc.syscall(438, pidfd, 0, 0) >= 0
os.close(pidfd)
descriptors = {}
for name in os.listdir('/proc/self/fd'):
    try:
        descriptors[name] = os.readlink('/proc/self/fd/' + name)
    except OSError:
        continue
kinds = sorted(text.partition(':')[0] for text in descriptors.values() if not text.endswith('/fd'))
return {
    'own_environ': secret.decode() in repr(dict(os.environ)) or 'DATABASE_URL' in os.environ,
    'cloud_names': [name for name in os.environ if name.startswith(('AWS_', 'GOOGLE_', 'AZURE_'))],
    'granted': os.environ.get('GRANTED'),
    'names': sorted(os.environ),
    'environ_of_others': [path for path in glob.glob('/proc/[0-9]*/environ') if secret in read(path)],
    'mem_of_worker': readable('/proc/%d/mem' % worker),
    'fds_of_worker': readable('/proc/%d/fd/0' % worker),
    'ptrace': attached,
    'pidfd_getfd': stolen,
    'descriptors': kinds,
    'dumped': os.getpid() and __import__('resource').getrlimit(__import__('resource').RLIMIT_CORE)[0],
}
"""


@cache
def interpreter() -> str:
    """Return a Python that an unprivileged user may run; the one of the tests may sit in a private folder."""
    for candidate in (sys.executable, "/usr/bin/python3.11", shutil.which("python3", path="/usr/bin:/usr/local/bin")):
        # It is started by itself once more, since setpriv may still have root's eyes for the first time.
        text = "import subprocess as s, sys; sys.exit(s.call([sys.executable, '-c', 'from enum import StrEnum']))"
        check = [*as_nobody(), str(candidate), "-c", text]
        if candidate and subprocess.run(check, cwd="/", capture_output=True, check=False).returncode == 0:
            return candidate
    pytest.fail("no Python >= 3.11 that an unprivileged user may run: install python3.11, or run the tests as a user")


def as_nobody() -> list[str]:
    if os.getuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all"]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder of the unprivileged user's; pytest's own are closed to it."""
    path = Path(tempfile.mkdtemp(prefix="penstock-spy-"))
    if os.getuid() == 0:
        os.chown(path, int(NOBODY), int(NOBODY))
    yield path
    shutil.rmtree(path)


def spy(folder: Path, mode: str) -> dict[str, Any]:
    """Run the spying block below a worker that holds the secret; return what it found."""
    for name, text in (("worker.py", WORKER), ("spy.py", SPY), ("secret", SECRET)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PENSTOCK_ENCRYPTION_KEY": SECRET,
        "DATABASE_URL": f"postgresql://penstock:{SECRET}@db/penstock",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    arguments = [str(folder / "run"), mode, str(folder / "secret"), str(folder / "spy.py")]
    command = [*as_nobody(), interpreter(), str(folder / "worker.py"), *arguments]
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["reason"] == "success", answer
    assert answer["uid"] != 0
    found: dict[str, Any] = answer["found"]
    return found


def test_a_block_finds_no_key(folder: Path) -> None:
    found = spy(folder, "hardened")
    assert not found["own_environ"]
    assert found["cloud_names"] == []
    assert found["environ_of_others"] == []
    assert not found["mem_of_worker"]
    assert not found["fds_of_worker"]
    assert not found["ptrace"]
    assert not found["pidfd_getfd"]
    assert found["dumped"] == 0


def test_a_block_inherits_its_streams_and_its_control_socket_and_no_more(folder: Path) -> None:
    assert spy(folder, "hardened")["descriptors"] == ["/dev/null", "pipe", "pipe", "socket"]


def test_a_block_sees_the_names_it_was_granted_and_a_few_plain_ones(folder: Path) -> None:
    found = spy(folder, "hardened")
    assert found["granted"] == "yes"
    allowed = {"PATH", "HOME", "LANG", "TZ", "USER", "TMPDIR", "GRANTED", "PYTHONPATH", "LC_CTYPE"}
    assert set(found["names"]) <= allowed | {"PENSTOCK_ATTEMPT_ID", "PENSTOCK_OWNER"}


def test_the_same_look_finds_the_key_of_a_worker_that_is_not_hardened(folder: Path) -> None:
    found = spy(folder, "soft")
    assert found["environ_of_others"], "the look is blind: the test above shows nothing"
    assert found["mem_of_worker"]
