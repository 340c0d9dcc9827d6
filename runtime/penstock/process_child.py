"""A child of the warm parent, from its fork to its end: one attempt, then gone."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import gc
import json
import os
import select
import socket
import struct
import sys

from penstock import child, limits, process_marks, process_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, NoReturn, Optional

CONTROL_FD = 3
HIGHEST_PARENT_FD = 256
"""The parent opens a handful of descriptors; closing up to here is closing all, at no cost."""
CRASHED = 70
# The C functions, and plain numbers: the `signal` module turns each into an enum member and back, for every child.
SIGINT, SIGKILL = int(_signal.SIGINT), int(_signal.SIGKILL)
PARENT_SIGNALS = (int(_signal.SIGCHLD), int(_signal.SIGUSR2), int(_signal.SIGTERM))


def run(control: socket.socket, output_fd: int, mark_address: Optional[int]) -> NoReturn:
    """Become a child: cut every tie to the parent, wait for work, run it, end what it left behind, exit."""
    code = CRASHED
    try:
        control = settle(control, output_fd)
        if not select.select([control], [], [], 0)[0]:
            # No work has come yet: pay for the first touch of every page now.
            child.rehearse()
        frame = read_frame(control)
        code = 0 if frame is None else work(control, frame, mark_address)
    except BaseException:  # noqa: BLE001 - a forked child must never unwind into the parent's stack
        sys.excepthook(*sys.exc_info())
    finally:
        end(code)


def settle(control: socket.socket, output_fd: int) -> socket.socket:
    """Lead a session, die with the parent, adopt orphans, and keep four descriptors: null, output twice, control."""
    os.setsid()
    process_tree.set_parent_death_signal(SIGKILL)
    process_tree.become_subreaper()
    _signal.set_wakeup_fd(-1)
    for number in PARENT_SIGNALS:
        _signal.signal(number, _signal.SIG_DFL)
    _signal.signal(SIGINT, _signal.default_int_handler)
    # Above the four, so that no dup2 below lands on one that is still needed.
    control_fd = os.dup(control.detach())
    os.dup2(output_fd, 1)
    os.dup2(output_fd, 2)
    os.dup2(control_fd, CONTROL_FD, inheritable=False)
    os.closerange(CONTROL_FD + 1, HIGHEST_PARENT_FD)
    return socket.socket(fileno=CONTROL_FD)


def prepare_streams() -> None:
    """Make the standard streams that every child will have: UTF-8, by line, unable to fail on odd text.

    Called in the parent, once, so that no child pays for it. A stream looks at its descriptor when it is made and
    would go on seeking on what later is a pipe; so for that moment the descriptors are a pipe in the parent too.
    """
    read_end, write_end = os.pipe()
    for fd in (1, 2):
        kept = os.dup(fd)
        os.dup2(write_end, fd)
        stream = open(fd, "w", 1, "utf-8", "backslashreplace", closefd=False)  # noqa: SIM115 - lives as long as we do
        os.dup2(kept, fd)
        os.close(kept)
        if fd == 1:
            sys.stdout = sys.__stdout__ = stream  # type: ignore[misc]
        else:
            sys.stderr = sys.__stderr__ = stream  # type: ignore[misc]
    os.close(read_end)
    os.close(write_end)


def read_frame(control: socket.socket) -> Optional[Dict[str, Any]]:
    """Read one length-prefixed JSON frame; None when the other side closed before one began."""
    header = read_exactly(control, 4)
    if header is None:
        return None
    body = read_exactly(control, struct.unpack(">I", header)[0])
    return None if body is None else json.loads(body)


def read_exactly(control: socket.socket, size: int) -> Optional[bytes]:
    """Read so many bytes; None at the end of the stream."""
    parts = bytearray()
    while len(parts) < size:
        part = control.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)


def work(control: socket.socket, frame: Dict[str, Any], mark_address: Optional[int]) -> int:
    """Run the attempt of the frame; return the exit code."""
    attempt = frame["work"]
    process_marks.mark_attempt(attempt["attempt_id"], mark_address)
    gc.enable()
    reseed()
    limits.apply_limits(attempt.get("limits") or {})
    child.serve(control, first_frame=frame)
    return 0


def reseed() -> None:
    """Give NumPy's global generator its own seed: it was seeded at import, and children would all draw the same."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def end(code: int) -> NoReturn:
    """Flush, end every descendant, and exit without finalisers: nothing waits for user code's threads."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        # The pipe is gone or user code closed the stream: there is nobody to tell.
        pass
    try:
        process_tree.end_descendants()
    finally:
        os._exit(code)
