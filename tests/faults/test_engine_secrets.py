"""As a user who is not root, a block looks everywhere for the server's keys, and finds nothing."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from penstock_runtime.environments.builder import EnvironmentBuilder
from penstock_runtime.settings import read_settings
from support.installation import installed, private_state, short_folder
from support.other_user import as_nobody
from support.project_maker import ProjectMaker

SEARCH = """
import ctypes, json
words = [word[::-1].encode() for word in kwargs['backwards']]
found, opened, attached = [], [], []

def look(where, data):
    if any(word in data for word in words):
        found.append(where)

look('os.environ', repr(dict(os.environ)).encode())
pids = [int(name) for name in os.listdir('/proc') if name.isdigit()]
names = {}
for pid in pids:
    for name in ('environ', 'cmdline'):
        try:
            with open('/proc/%d/%s' % (pid, name), 'rb') as file:
                data = file.read()
        except OSError:
            continue
        names.setdefault(pid, {})[name] = data
        look('/proc/%d/%s' % (pid, name), data)

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
for pid in kwargs['servers']:
    try:
        os.close(os.open('/proc/%d/mem' % pid, os.O_RDONLY))
        opened.append(pid)
    except OSError:
        pass
    try:
        os.listdir('/proc/%d/fd' % pid)
        opened.append(-pid)
    except OSError:
        pass
    if libc.ptrace(16, pid, None, None) == 0:
        attached.append(pid)
        libc.ptrace(17, pid, None, None)

descriptors = {}
for number in os.listdir('/proc/self/fd'):
    try:
        descriptors[number] = os.readlink('/proc/self/fd/' + number)
    except OSError:
        pass

def walk(pid):
    while pid > 1:
        yield pid
        with open('/proc/%d/stat' % pid) as file:
            pid = int(file.read().rpartition(')')[2].split()[1])

# The memory of those above this process that it may read, its own apart: they were in our address space once.
readable = []
for pid in list(walk(os.getppid())):
    try:
        maps = open('/proc/%d/maps' % pid).read().splitlines()
        memory = open('/proc/%d/mem' % pid, 'rb', buffering=0)
    except OSError:
        continue
    readable.append(pid)
    for line in maps:
        span, rights = line.split()[:2]
        if 'r' in rights and 'w' in rights:
            start, end = (int(part, 16) for part in span.split('-'))
            try:
                memory.seek(start)
                look('/proc/%d/mem' % pid, memory.read(end - start))
            except (OSError, ValueError, OverflowError):
                pass
value = {
    'found': found, 'opened': opened, 'attached': attached, 'descriptors': descriptors, 'readable': readable,
    'uid': os.getuid(), 'above': list(walk(os.getppid())), 'tried': len(pids),
}
"""


@pytest.fixture
def home():
    with short_folder() as folder:
        yield folder


@pytest.mark.parametrize("kind", ["block", "whole pipeline"])
def test_a_block_finds_none_of_the_servers_keys(home, postgres_server, postgres_url, kind):
    maker = ProjectMaker(home)
    maker.pipeline("spy", run_pipeline_in_one_process=kind != "block").block("spy", SEARCH).write()
    password, key, cloud = "pw-9f8e7d6c5b4a", Fernet.generate_key().decode(), "aws-1a2b3c4d5e6f"
    environ = {
        "DATABASE_URL": postgres_url.replace("postgres@", f"postgres:{password}@"),
        "PENSTOCK_ENCRYPTION_KEY": key,
        "AWS_SECRET_ACCESS_KEY": cloud,
        "HOME": str(home),
        "PENSTOCK_SLOTS": "2",
    }
    state = private_state(home)
    settings = read_settings()
    EnvironmentBuilder(state, environ={**settings.plain_env, **settings.tool_env}).ensure("")
    with installed(home, maker.folder, environ=environ, wrapper=as_nobody(home)) as penstock:
        secrets = [password, key, cloud]
        run = penstock.run(
            "spy",
            {"backwards": [one[::-1] for one in secrets], "servers": [penstock.web_pid, penstock.scheduler_pid]},
        )
        penstock.wait(run, "succeeded")
        seen = penstock.output(run, "spy_spy")
        assert (seen["found"], seen["opened"], seen["attached"]) == ([], [], [])
        # The search itself works: it saw processes, and the chain up to the server.
        assert seen["tried"] > 3
        assert penstock.scheduler_pid in seen["above"]
        assert seen["uid"] != 0
        assert not [link for link in seen["descriptors"].values() if "penstock.db" in link or "/state/" in link]
        assert all(
            link.startswith(("pipe:", "socket:", "/dev/null", "/proc/")) for link in seen["descriptors"].values()
        )
        assert not any(one in penstock.said() for one in secrets)
