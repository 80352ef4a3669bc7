"""Passwords as argon2id, with as much work for a person who is unknown as for one who is not."""

import threading
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

AT_ONCE_MAX: Final = 4
"""Each takes 19 MiB while it works; more at once would only take turns on the processors."""


def hasher() -> PasswordHasher:
    """The least that OWASP recommends for argon2id: 19 MiB, two passes, one lane."""
    return PasswordHasher(time_cost=2, memory_cost=19 * 1_024, parallelism=1)


class Argon2Passwords:
    """`api.identity.Passwords`; safe to share between threads."""

    def __init__(self, hashes: PasswordHasher | None = None) -> None:
        self._hasher = hashes or hasher()
        self._turns = threading.BoundedSemaphore(AT_ONCE_MAX)
        # Compared where there is nothing to compare with, so that nobody learns from the time who is known.
        self._nobodys = self._hasher.hash("the password of nobody at all")

    def hash(self, password: str) -> str:
        """What is kept of a password."""
        with self._turns:
            return self._hasher.hash(password)

    def is_right(self, kept: str | None, password: str) -> bool:
        """Whether it is the password; takes as long where nothing is kept."""
        with self._turns:
            try:
                self._hasher.verify(kept or self._nobodys, password)
            except (VerificationError, InvalidHashError):
                return False
        return kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Whether it was hashed with less work than is asked for today."""
        return self._hasher.check_needs_rehash(kept)
