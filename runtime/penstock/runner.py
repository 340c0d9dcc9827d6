"""The warm parent: one process per user environment that imports, forks children ahead, reaps them and ends them.

Started by exec, never by a fork of the engine, with a clean environment and one inherited descriptor: a SOCK_SEQPACKET
control socket that carries JSON datagrams. It has one thread, runs no user code and calls no library it imported.

    in   {"op": "fork"}  {"op": "kill", "pid": P}  {"op": "signal", "pid": P, "signal": N}  {"op": "exit"}
    out  {"event": "ready", "pid": …, "kind": …}
         {"event": "child", "pid": P} with two descriptors: the child's control socket, the read end of its output
         {"event": "exited", "pid": P, "status": …, "max_rss_bytes": …, "cpu_seconds": …}
         {"event": "fork_failed", "message": …}

`exited` is said when the child is reaped and nobody it left behind is alive. When the socket closes, the executor is
gone: every child and descendant is ended, then this process. A child that was forked ahead and never got work ends
itself when its own socket closes.
"""

from __future__ import annotations

import array
import gc
import importlib
import json
import os
import resource
import select
import signal
import socket
import sys
import time
import warnings
from contextlib import suppress

from penstock import process_child, process_marks, process_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, List, Optional, Set, Tuple

DATAGRAM_BYTES = 65536
LEFTOVER_PATIENCE_SECONDS = 5.0
"""How long an `exited` is held back for a leftover that SIGKILL does not end (a process stuck in the kernel)."""
SWEEP_SECONDS = 0.01
SHUTDOWN_SECONDS = 10.0
PRELOADED = {"light": (), "data": ("pandas", "pyarrow")}


class Ended:
    """A reaped child whose `exited` waits until what it left behind is gone."""

    def __init__(self, message: Dict[str, Any]) -> None:
        """Start the patience."""
        self.message = message
        self.give_up = time.monotonic() + LEFTOVER_PATIENCE_SECONDS


class Runner:
    """The parent's state: its socket, its living children, and those whose end is not yet said."""

    def __init__(self, control: socket.socket, mark_address: Optional[int]) -> None:
        """Take over SIGCHLD, so that a child's end wakes the loop."""
        self._control = control
        self._mark_address = mark_address
        self._children: Set[int] = set()
        self._ended: List[Ended] = []
        self._executor_pid = os.getppid()
        self._wake_in, self._wake_out = os.pipe()
        self._watch_signals()

    def _watch_signals(self) -> None:
        """Turn the signals we care about into bytes on a pipe. SIGUSR2 is our parent-death signal.

        The kernel sends that when the thread that started us ends, which need not be the end of its process; a
        caught signal and a look at our parent's pid tell the two apart.
        """
        os.set_blocking(self._wake_in, False)
        os.set_blocking(self._wake_out, False)
        signal.set_wakeup_fd(self._wake_out, warn_on_full_buffer=False)
        self._leave = False
        for number in (signal.SIGCHLD, signal.SIGUSR2):
            signal.signal(number, lambda *_: None)
        signal.signal(signal.SIGTERM, self._asked_to_leave)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        process_tree.set_parent_death_signal(signal.SIGUSR2)

    def _asked_to_leave(self, *_: Any) -> None:
        self._leave = True

    def send(self, message: Dict[str, Any], fds: Optional[List[int]] = None) -> None:
        """Send one datagram, with descriptors if any. Blocks while the executor is behind: it never waits for us."""
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        self._control.sendmsg([json.dumps(message).encode()], rights)

    def serve(self) -> None:
        """Answer the executor until it leaves; then end everybody."""
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        poller.register(self._wake_in, select.POLLIN)
        try:
            while not self._leave and os.getppid() == self._executor_pid:
                ready = dict(poller.poll(SWEEP_SECONDS * 1000 if self._ended else None))
                if self._wake_in in ready:
                    self._drain_wakeups()
                    self._reap()
                if self._ended:
                    self._sweep()
                if self._control.fileno() in ready and not self._obey():
                    break
        except OSError:
            # The socket broke in the middle of a send: the executor is gone.
            pass
        finally:
            self._shut_down()

    def _drain_wakeups(self) -> None:
        try:
            while os.read(self._wake_in, 4096):
                pass
        except BlockingIOError:
            pass

    def _obey(self) -> bool:
        """Carry out one message; False when there will be no more."""
        data = self._control.recv(DATAGRAM_BYTES)
        if not data:
            return False
        message = json.loads(data)
        op = message["op"]
        if op == "fork":
            self._fork()
        elif op == "kill" and message["pid"] in self._children:
            process_tree.kill_trees([message["pid"]])
        elif op == "signal" and message["pid"] in self._children:
            self._signal_group(message["pid"], message["signal"])
        return bool(op != "exit")

    @staticmethod
    def _signal_group(pid: int, number: int) -> None:
        # Every child leads a session, and so a group, of its own.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)

    def _fork(self) -> None:
        """Make one child ahead and hand its two descriptors to the executor."""
        ours, theirs = socket.socketpair()
        read_end, write_end = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            self.send({"event": "fork_failed", "message": str(error)})
            pid = -1
        if pid == 0:
            process_child.run(theirs, write_end, self._mark_address)
        for fd in (theirs.detach(), write_end):
            os.close(fd)
        if pid > 0:
            self._children.add(pid)
            self.send({"event": "child", "pid": pid}, [ours.fileno(), read_end])
        ours.close()
        os.close(read_end)

    def _reap(self) -> None:
        """Collect everyone who has ended; a child's end is queued, a leftover's is nobody's business."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._children:
                self._children.discard(pid)
                self._ended.append(Ended(exit_message(pid, status, usage)))

    def _sweep(self) -> None:
        """Kill whoever hangs directly below us without being a child; say the ends that wait for nobody any more."""
        leftovers = [pid for pid in process_tree.children_of(os.getpid()) if pid not in self._children]
        if leftovers:
            process_tree.kill_trees(leftovers)
            self._reap()
        now = time.monotonic()
        due = [ended for ended in self._ended if not leftovers or now > ended.give_up]
        self._ended = [ended for ended in self._ended if leftovers and now <= ended.give_up]
        for ended in due:
            self.send(ended.message)

    def _shut_down(self) -> None:
        """End everybody below us, then leave without running anything else."""
        signal.set_wakeup_fd(-1)
        process_tree.end_descendants(SHUTDOWN_SECONDS)
        os._exit(0)


def exit_message(pid: int, status: int, usage: Any) -> Dict[str, Any]:
    """Describe a reaped child: wait status, peak resident bytes, CPU seconds (its waited-for descendants included)."""
    return {
        "event": "exited",
        "pid": pid,
        "status": status,
        "max_rss_bytes": usage.ru_maxrss * 1024,
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 6),
    }


def preload(kind: str) -> None:
    """Import what children of this kind start with. A library that is absent or broken is the child's to report."""
    importlib.import_module("penstock.child")
    for name in PRELOADED[kind]:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - a library of the user's may fail in any way; blocks without it go on
            sys.stderr.write(f"penstock.runner: cannot import {name}: {error!r}\n")


def read_arguments(words: List[str]) -> Tuple[str, int]:
    """Return kind and descriptor. By hand: argparse would be in the memory of every child."""
    named = dict(zip(words[::2], words[1::2]))
    if named.keys() != {"--kind", "--control-fd"} or named["--kind"] not in PRELOADED:
        raise SystemExit("usage: python -m penstock.runner --kind light|data --control-fd N")
    return named["--kind"], int(named["--control-fd"])


def main() -> None:
    """Read the arguments, import, freeze what was imported, say ready, serve."""
    kind, control_fd = read_arguments(sys.argv[1:])
    # Libraries may have started threads at import; their own fork handlers look after those.
    warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", category=DeprecationWarning)
    control = socket.socket(fileno=control_fd)
    os.set_inheritable(control_fd, False)
    process_tree.become_subreaper()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    address = process_marks.find_mark()
    process_child.prepare_streams()
    preload(kind)
    gc.disable()
    gc.collect()
    gc.freeze()
    runner = Runner(control, address)
    runner.send({"event": "ready", "pid": os.getpid(), "kind": kind})
    runner.serve()


if __name__ == "__main__":
    main()
