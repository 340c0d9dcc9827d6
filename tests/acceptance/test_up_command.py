"""`penstock up` as a person on a terminal sees it, and what it says of costs."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest

from penstock_platform.comparison import compare
from penstock_platform.vocabulary import Cloud, Topology
from support.installation import PENSTOCK, Installation
from support.project_maker import ProjectMaker

PATIENCE = 60.0
COLOUR = re.compile(r"\x1b\[[0-9;]*[0-9]m")
MOVES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command on a terminal; `seen` is all that it wrote there."""

    def __init__(self, command, env, cwd, columns=120):
        self.ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            command, env=env, cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.seen = ""

    def until(self, *words):
        """Read until each of the words was seen."""
        deadline = time.monotonic() + PATIENCE
        while not all(word in MOVES.sub("", self.seen) for word in words):
            assert time.monotonic() < deadline, self.seen[-4000:]
            if select.select([self.ours], [], [], 0.1)[0] and not self.read():
                break
        assert all(word in MOVES.sub("", self.seen) for word in words), self.seen[-4000:]

    def read(self):
        with contextlib.suppress(OSError):
            data = os.read(self.ours, 65_536)
            self.seen += data.decode(errors="replace")
            return data
        return b""

    def end(self):
        while self.read():
            continue
        self.process.wait(PATIENCE)
        os.close(self.ours)


@pytest.mark.parametrize("colours", [True, False])
def test_the_table_shows_each_process_and_ctrl_c_leaves_it_stopped(tmp_path, colours):
    maker = ProjectMaker(tmp_path)
    maker.pipeline("small").block("only", "value = 1").write()
    made = Installation(tmp_path, maker.folder)
    env = {**made.environment(), "TERM": "xterm-256color", **({} if colours else {"NO_COLOR": "1"})}
    command = [PENSTOCK, "up", str(maker.folder), "--port", str(made.port)]
    terminal = Terminal(command, env, tmp_path)
    try:
        terminal.until("penstock up, single", "web + scheduler", "● running", f"http://localhost:{made.port}/sign-in/")
        assert terminal.seen.count("restarts") > 1
        os.kill(terminal.process.pid, signal.SIGINT)
        terminal.until("draining; Ctrl-C again ends at once", "· stopped", "all is stopped")
        terminal.end()
    finally:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait()
        made.client.close()
    assert terminal.process.returncode == 0
    styled = [code for code in COLOUR.findall(terminal.seen) if re.search(r"\[(3|9)[0-7]|;(3|9)[0-7]", code)]
    assert bool(styled) is colours
    made.assert_all_gone()


def said(*words):
    return subprocess.run([PENSTOCK, "up", *words], check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("topology", list(Topology))
def test_the_cost_is_what_penstock_topology_says_and_nothing_starts(topology, tmp_path):
    found = said("--topology", topology, "--cost", "--json")
    assert (found.returncode, found.stderr) == (0, "")
    clouds = json.loads(found.stdout)["clouds"]
    for cloud in Cloud:
        expected = next(one.cost for one in compare(cloud) if one.topology is topology)
        assert (clouds[cloud]["minimum"], clouds[cloud]["maximum"]) == (expected.minimum, expected.maximum)
        assert len(clouds[cloud]["lines"]) == len(expected.lines)


def test_the_cost_in_words_adds_up_for_each_cloud():
    found = said("--topology", "ha", "--cost")
    assert found.returncode == 0
    rows = {line.split()[0]: line.split()[1:] for line in found.stdout.splitlines() if line and "`" not in line}
    assert rows["item"] == [cloud.value for cloud in Cloud]
    assert len(rows["all"]) == len(rows["database"]) == len(Cloud)
    assert rows["endpoints"][0] == "-"
