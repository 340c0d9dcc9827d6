"""The stream between executor and child: four bytes of length, big-endian, then UTF-8 JSON."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from typing import Any

FRAME_LIMIT_BYTES = 16 * 1024 * 1024
"""A longer frame is no message of the SDK, which knows the same limit: large values are in files."""
OUTBOX_LIMIT_BYTES = 16 * 1024 * 1024
"""A child for which more than this waits asks and asks, and does not read the answers."""
HEADER_BYTES = 4
READ_BYTES = 256 * 1024


class BrokenFrame(Exception):
    """What came is no frame of the protocol."""


class Channel:
    """One child's control socket, never blocking: what does not fit waits here."""

    __slots__ = ("_incoming", "_outgoing", "socket")

    def __init__(self, control: socket.socket) -> None:
        """Take the socket over."""
        control.setblocking(False)
        self.socket = control
        self._incoming = bytearray()
        self._outgoing = bytearray()

    def send(self, message: Mapping[str, Any]) -> None:
        """Queue a message and send what fits. A child that is gone is noticed when it is read from.

        Raises BrokenFrame when too much waits already; the first message may have any size.
        """
        if len(self._outgoing) > OUTBOX_LIMIT_BYTES:
            raise BrokenFrame("it asks and does not read the answers")
        body = json.dumps(message, separators=(",", ":")).encode()
        self._outgoing += struct.pack(">I", len(body)) + body
        self.flush()

    def flush(self) -> None:
        """Send what fits."""
        try:
            while self._outgoing:
                sent = self.socket.send(self._outgoing)
                del self._outgoing[:sent]
        except BlockingIOError:
            pass
        except OSError:
            self._outgoing.clear()

    @property
    def blocked(self) -> bool:
        """Whether something still waits to be sent."""
        return bool(self._outgoing)

    def receive(self) -> tuple[list[dict[str, Any]], bool]:
        """Return the messages that are whole by now, and whether the child's side is still open. Raises BrokenFrame."""
        try:
            data = self.socket.recv(READ_BYTES)
        except BlockingIOError:
            return [], True
        except OSError:
            return [], False
        self._incoming += data
        return self._split(), bool(data)

    def _split(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = []
        buffer = self._incoming
        start = 0
        while len(buffer) - start >= HEADER_BYTES:
            (size,) = struct.unpack_from(">I", buffer, start)
            if size > FRAME_LIMIT_BYTES:
                text = f"a message of {size} bytes; the limit is {FRAME_LIMIT_BYTES}, large values belong into files"
                raise BrokenFrame(text)
            if len(buffer) - start - 4 < size:
                break
            messages.append(_decode(bytes(buffer[start + 4 : start + 4 + size])))
            start += 4 + size
        del buffer[:start]
        return messages

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()


def _decode(body: bytes) -> dict[str, Any]:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        # RecursionError: nested deeper than anything that the SDK says.
        raise BrokenFrame(f"no JSON: {error}") from error
    if not isinstance(message, dict):
        raise BrokenFrame("no JSON object")
    return message
