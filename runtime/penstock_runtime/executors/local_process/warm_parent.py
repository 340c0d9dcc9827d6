"""One runner process (see penstock.runner) as the executor sees it: its start, socket and children."""

from __future__ import annotations

import array
import json
import os
import socket
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, Any

from penstock_runtime.executors.local_process.reactor import Reactor
from penstock_runtime.ports.environments import EnvironmentRef

DATAGRAM_BYTES = 65536
RIGHTS_BYTES = socket.CMSG_SPACE(2 * array.array("i").itemsize)
STDERR_TAIL_BYTES = 4000
CLOSE_SECONDS = 15.0
"""A little more than the runner allows itself to end everybody."""


@dataclass(frozen=True, slots=True)
class IdleChild:
    """A child forked ahead: its pid, our end of its control socket, the read end of its output."""

    pid: int
    control: socket.socket
    output_fd: int

    def discard(self) -> None:
        """Let it go: it ends itself when its socket closes."""
        self.control.close()
        os.close(self.output_fd)


@dataclass(frozen=True, slots=True)
class ChildExit:
    """How a child ended: wait status, peak resident bytes of one process of it, CPU seconds."""

    status: int
    max_rss_bytes: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class ParentEvents:
    """Whom a parent tells of its news."""

    on_child: Callable[[WarmParent], None]
    on_exit: Callable[[WarmParent, int, ChildExit], None]
    on_gone: Callable[[WarmParent], None]


class WarmParent:
    """A runner of one kind for one environment. Raises OSError from the constructor when it cannot be started."""

    def __init__(
        self, ref: EnvironmentRef, kind: str, environ: Mapping[str, str], reactor: Reactor, events: ParentEvents
    ) -> None:
        """Start the process. It is `ready` later; forks may be asked of it at once."""
        self.kind = kind
        self.ready = False
        self.gone = False
        self.watched = False
        self.idle: deque[IdleChild] = deque()
        self.forking = 0
        self.busy = 0
        self.used_at = self.started_at = time.monotonic()
        self._reactor = reactor
        self._events = events
        self._outbox: deque[bytes] = deque()
        # A file and not a pipe: nobody has to read it, and a parent writes next to nothing.
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the runner; closed in `reap`
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self.process = self._spawn(ref, environ, theirs)
        except OSError:
            self._control.close()
            self._stderr.close()
            raise
        finally:
            theirs.close()
        self._control.setblocking(False)
        reactor.add(self._control.fileno(), self._on_ready)

    def _spawn(
        self, ref: EnvironmentRef, environ: Mapping[str, str], control: socket.socket
    ) -> subprocess.Popen[bytes]:
        arguments = [ref.python, "-s", "-m", "penstock.runner", "--kind", self.kind]
        return subprocess.Popen(
            [*arguments, "--control-fd", str(control.fileno())],
            env={**environ, "PYTHONPATH": ref.sdk_path},
            cwd=ref.sdk_path,
            stdin=subprocess.DEVNULL,
            stdout=self._stderr,
            stderr=self._stderr,
            pass_fds=(control.fileno(),),
            # A Ctrl-C at a terminal is for us: we drain, children are told by us.
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """Return the runner's process id."""
        return self.process.pid

    def fill(self, wanted: int) -> None:
        """Ask for as many children as bring those ahead to `wanted`."""
        while not self.gone and len(self.idle) + self.forking < wanted:
            self.forking += 1
            self.send({"op": "fork"})

    def send(self, message: Mapping[str, Any]) -> None:
        """Send one message, or queue it while the runner is behind."""
        if not self.gone:
            self._outbox.append(json.dumps(message).encode())
            self._flush()

    def _flush(self) -> None:
        try:
            while self._outbox:
                self._control.send(self._outbox[0])
                self._outbox.popleft()
        except BlockingIOError:
            pass
        except OSError:
            # Its death is noticed when we read.
            self._outbox.clear()
        self._reactor.want_write(self._control.fileno(), wanted=bool(self._outbox))

    def _on_ready(self, _: int) -> None:
        self._flush()
        while not self.gone:
            try:
                data, rights, _, _ = self._control.recvmsg(DATAGRAM_BYTES, RIGHTS_BYTES, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            except OSError:
                data, rights = b"", []
            if not data:
                self._lose()
                return
            self._handle(json.loads(data), _received_fds(rights))

    def _handle(self, message: Mapping[str, Any], fds: list[int]) -> None:
        event = message["event"]
        if event == "ready":
            self.ready = True
            self._events.on_child(self)
        elif event == "child":
            self.forking -= 1
            self.idle.append(IdleChild(message["pid"], socket.socket(fileno=fds[0]), fds[1]))
            self._events.on_child(self)
        elif event == "exited":
            self._exited(message)
        elif event == "fork_failed":
            self.forking -= 1
            # Memory or process limits: the next attempt asks again, and until then a timer does.
            self._reactor.after(1.0, lambda: self._events.on_child(self))

    def _exited(self, message: Mapping[str, Any]) -> None:
        pid = message["pid"]
        for child in self.idle:
            if child.pid == pid:
                self.idle.remove(child)
                child.discard()
                # Something ended a child that had no work; a new one is made, but not in a spin.
                self._reactor.after(0.2, lambda: self._events.on_child(self))
                return
        end = ChildExit(message["status"], message["max_rss_bytes"], message["cpu_seconds"])
        self._events.on_exit(self, pid, end)

    def _lose(self) -> None:
        """The socket closed: the runner is dead or dying."""
        self._release()
        self.process.kill()
        self._events.on_gone(self)

    def _release(self) -> None:
        if not self.gone:
            self.gone = True
            self._reactor.remove(self._control.fileno())
            self._control.close()
            while self.idle:
                self.idle.pop().discard()

    def kill(self) -> None:
        """SIGKILL the runner itself: for one that answers no more."""
        self.process.kill()

    def retire(self) -> None:
        """Ask it to end everybody and leave; it is reaped by `reap`."""
        self.send({"op": "exit"})
        self._release()

    def reap(self, *, wait: bool = False) -> bool:
        """Collect the process; True when it has ended. With `wait`, give it its time and then kill it."""
        if wait:
            try:
                self.process.wait(CLOSE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(CLOSE_SECONDS)
        ended = self.process.poll() is not None
        if ended:
            self._stderr.close()
        return ended

    def last_words(self) -> str:
        """Return the end of what it wrote to standard error; empty when that is closed."""
        if self._stderr.closed:
            return ""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - STDERR_TAIL_BYTES))
        return self._stderr.read().decode("utf-8", "backslashreplace").strip()


def _received_fds(rights: list[tuple[int, int, bytes]]) -> list[int]:
    """Return the descriptors that came with a datagram."""
    fds = array.array("i")
    for level, kind, data in rights:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return list(fds)
