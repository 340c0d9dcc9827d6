"""The marks that tie a process to the attempt and the installation it belongs to, readable in /proc/<pid>/environ."""

from __future__ import annotations

import ctypes
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Optional

ATTEMPT_VARIABLE = "PENSTOCK_ATTEMPT_ID"
OWNER_VARIABLE = "PENSTOCK_OWNER"
PLACEHOLDER = "0" * 36
"""As long as an attempt id, so that the id can be written over it in place."""


def find_mark() -> Optional[int]:
    """Return the address of the attempt's value in the environment block the kernel shows, or None if it is not set.

    Must be called before anything sets that variable: setting it points the C library at a copy, and /proc goes on
    showing the block that exec laid out.
    """
    wanted = (ATTEMPT_VARIABLE + "=").encode()
    environ = ctypes.POINTER(ctypes.c_void_p).in_dll(ctypes.CDLL(None), "environ")
    index = 0
    while environ[index]:
        address = int(environ[index] or 0)
        if ctypes.string_at(address, len(wanted)) == wanted:
            return address + len(wanted)
        index += 1
    return None


def mark_attempt(attempt_id: str, address: Optional[int]) -> None:
    """Carry the attempt's id: in place for /proc, and in os.environ for what this process will exec."""
    if address is not None:
        value = attempt_id.encode()[: len(PLACEHOLDER)].ljust(len(PLACEHOLDER), b"\0")
        ctypes.memmove(address, value, len(value))
    os.environ[ATTEMPT_VARIABLE] = attempt_id
