"""Words between a process of ours and the one that started it: four bytes of length, big-endian, then UTF-8.

A stream, since a datagram of a socket has at most the kernel's buffer, and settings carry the environment.
"""

from __future__ import annotations

import socket
import struct

HEADER = struct.Struct(">I")

STILL_ALIVE = "still alive"
"""What a scheduler says every few seconds."""


def send_word(there: socket.socket, word: str) -> None:
    """Send all of it, waiting for the reader. OSError when the other side is gone."""
    there.sendall(packed(word))


def packed(word: str) -> bytes:
    """Return a word as it goes over the socket, for those who must not wait."""
    data = word.encode()
    return HEADER.pack(len(data)) + data


def receive_word(there: socket.socket) -> str | None:
    """Return the next word; None once the other side is gone, also in the middle of one."""
    header = _receive(there, HEADER.size)
    data = None if header is None else _receive(there, HEADER.unpack(header)[0])
    return None if data is None else data.decode()


def _receive(there: socket.socket, count: int) -> bytes | None:
    found = bytearray()
    while len(found) < count:
        try:
            part = there.recv(count - len(found))
        except OSError:
            return None
        if not part:
            return None
        found += part
    return bytes(found)
