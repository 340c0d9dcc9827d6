"""The child's side of its control socket: frames out and in, and questions to the executor.

A frame is a 4-byte big-endian length and that many bytes of UTF-8 JSON. Only the process that was given the socket
may use it: a process that user code forked inherits the descriptor, and its frames would mix with ours.
"""

from __future__ import annotations

import json
import os
from _thread import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

FRAME_LIMIT_BYTES = 16 * 1024 * 1024
"""The executor ends an attempt that sends more at once."""
_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


class ChannelError(RuntimeError):
    """The executor is gone, or the caller is not the block's own process."""


class FrameTooLarge(ChannelError):
    """The executor takes no message of this size; the text says what to do."""


class AskError(RuntimeError):
    """The executor answered a question with an error; the text says why."""


class Channel:
    """Frames over one stream socket. Sending is safe from several threads."""

    __slots__ = ("_lock", "_owner", "_socket")

    def __init__(self, control: socket.socket) -> None:
        self._socket = control
        self._lock = allocate_lock()
        self._owner = os.getpid()

    @property
    def owned(self) -> bool:
        """Whether this process is the one the socket was given to."""
        return os.getpid() == self._owner

    def read(self) -> dict[str, Any] | None:
        """The next frame, or None when the other side has closed. Raises ChannelError on a cut frame."""
        header = self._read_exactly(4)
        if header is None:
            return None
        body = self._read_exactly(int.from_bytes(header, "big"))
        if body is None:
            raise ChannelError("the control socket closed in the middle of a frame")
        frame: dict[str, Any] = json.loads(body)
        return frame

    def send(self, event: dict[str, Any]) -> None:
        """Send one frame.

        Raises OSError when the executor is gone, ChannelError in a forked process, FrameTooLarge (nothing is sent).
        """
        if not self.owned:
            raise ChannelError("only the block's own process can speak to the executor, not one that it forked")
        body = _encode(event).encode("ascii")
        if len(body) > FRAME_LIMIT_BYTES:
            raise FrameTooLarge(
                f"a message of {len(body)} bytes to the executor, which takes at most {FRAME_LIMIT_BYTES}: "
                "put large values into files, or return fewer outputs"
            )
        with self._lock:
            self._socket.sendall(len(body).to_bytes(4, "big") + body)

    def _read_exactly(self, count: int) -> bytes | None:
        first = self._socket.recv(min(count, 1 << 20)) if count else b""
        if len(first) == count:
            return first
        if not first:
            return None
        parts = [first]
        missing = count - len(first)
        while missing:
            part = self._socket.recv(min(missing, 1 << 20))
            if not part:
                raise ChannelError("the control socket closed in the middle of a frame")
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)


class Asker:
    """Questions to the executor, one at a time: secrets, connection profiles, runs to trigger."""

    __slots__ = ("_channel", "_lock", "_number")

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = allocate_lock()
        self._number = 0

    def ask(self, what: str, args: dict[str, Any]) -> Any:
        """The executor's answer: any JSON value. Raises AskError with its reason, ChannelError when it is gone."""
        with self._lock:
            self._number += 1
            self._channel.send({"event": "ask", "id": self._number, "what": what, "args": args})
            while True:
                frame = self._channel.read()
                if frame is None:
                    raise ChannelError(f"the executor is gone: nothing answered the question for {what!r}")
                if frame.get("op") == "reply" and frame.get("id") == self._number:
                    break
        if frame.get("error") is not None:
            raise AskError(str(frame["error"]))
        return frame.get("value")
