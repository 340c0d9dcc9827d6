"""Hashing passwords with argon2id."""

from __future__ import annotations

import threading
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from penstock_runtime.domain.errors import InvalidInput

MIN_LENGTH = 10
MAX_LENGTH = 1000


def checked_password(password: str, name: str) -> str:
    """Return the password, or raise InvalidInput for one that is too short, too long or the name itself."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise InvalidInput(f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters", "password")
    if password.casefold() == name.casefold():
        raise InvalidInput("the password must not be the name", "password")
    return password


class Passwords:
    """Hashes and checks, two at a time: each takes tens of megabytes and of milliseconds.

    A check against nothing takes as long as one against a hash, so that time does not tell which names exist.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        """Use argon2's own defaults unless told otherwise (tests use a cheap one)."""
        self._hasher = hasher or PasswordHasher()
        self._slots = threading.BoundedSemaphore(2)

    @cached_property
    def _of_nobody(self) -> str:
        return self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Return argon2's own text, which holds salt and parameters."""
        with self._slots:
            return self._hasher.hash(password)

    def check(self, password: str, hashed: str | None) -> bool:
        """Whether the password fits; False for None, after the same work."""
        with self._slots:
            try:
                self._hasher.verify(hashed or self._of_nobody, password)
            except (VerifyMismatchError, VerificationError, InvalidHashError):
                return False
        return hashed is not None

    def outdated(self, hashed: str) -> bool:
        """Whether the hash was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(hashed)
