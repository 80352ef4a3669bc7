"""The server's own keys, in one file for its owner's eyes: they sign access tokens and checkpoints of logs, derive
refresh tokens, mark nonces.

They are never in the database, so that whoever reads a backup of it signs nobody in. Every process looks at the file
again when it has changed, so a rotation needs no restart. A folder that is mounted read-only will do, once it is full.
"""

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import TypeAdapter, ValidationError

from commands import signing_keys
from commands.signing_keys import USES, KeyRow, Use

KEYRING_FILE: Final = "keyring.json"
LOOKED_AT_EVERY_S: Final = 1.0
_SECRET_BYTES: Final = 32


class KeyringUnreadable(Exception):
    """The file of keys is not in one piece, or others may read it; the message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A key as the file keeps it."""

    kid: str
    use: Use
    secret: str
    made_at_ms: int
    current_from_ms: int
    revoked_at_ms: int | None = None

    @property
    def row(self) -> KeyRow:
        return KeyRow(
            kid=self.kid,
            use=self.use,
            made_at_ms=self.made_at_ms,
            current_from_ms=self.current_from_ms,
            revoked_at_ms=self.revoked_at_ms,
        )


_KEPT: Final = TypeAdapter(list[_Kept])


class FileKeyring:
    """`api.identity.Keyring` over a file, made when it is first needed; safe to share between threads."""

    def __init__(self, folder: Path, *, now_ms: Callable[[], int]) -> None:
        self._path, self._now_ms = folder / KEYRING_FILE, now_ms
        self._lock = threading.Lock()
        self._looked_at_s, self._seen = 0.0, (0, 0, 0)
        self._kept: dict[str, _Kept] = {}

    def signer(self) -> str:
        """Id of the key that signs access tokens now."""
        return self._current("access").kid

    def sign(self, kid: str, data: bytes) -> bytes:
        """Ed25519 over these bytes."""
        return _private(self._all()[kid]).sign(data)

    def verifying(self, *, now: bool = False) -> Sequence[str]:
        """Ids of the keys whose access tokens are accepted; `now`: also of those that were made this second."""
        if now:
            self._look()
        return [row.kid for row in signing_keys.good(self.rows(), "access", now_ms=self._now_ms())]

    def verify(self, kid: str, signature: bytes, data: bytes) -> bool:
        """Whether the key, which must be one of `verifying`, signed these bytes."""
        try:
            _public(self._all()[kid]).verify(signature, data)
        except (InvalidSignature, KeyError):
            return False
        return True

    def mac(self, use: Use, data: bytes) -> tuple[str, bytes]:
        """(id of the key, HMAC-SHA256) with the key that is used now."""
        key = self._current(use)
        return key.kid, _mac(key, data)

    def mac_by(self, kid: str, use: Use, data: bytes) -> bytes | None:
        """HMAC-SHA256 with a key of that use, None where it is not good any more."""
        if kid not in self._all():
            self._look()  # another process may have made it this second
        if kid not in {row.kid for row in signing_keys.good(self.rows(), use, now_ms=self._now_ms())}:
            return None
        return _mac(self._all()[kid], data)

    def checkpoint_keys(self) -> list[tuple[str, bytes]]:
        """(id, public key) of every key that signs checkpoints, the newest first."""
        rows = signing_keys.good(self.rows(), "checkpoint", now_ms=self._now_ms())
        newest_first = sorted(rows, key=lambda row: (row.current_from_ms, row.kid), reverse=True)
        return [(row.kid, _public_bytes(self._all()[row.kid])) for row in newest_first]

    def published(self) -> list[dict[str, str]]:
        """The public keys, as JWKs: next, current and retired."""
        return [_jwk(self._all()[kid]) for kid in self.verifying()]

    def rows(self) -> list[KeyRow]:
        """Every key that was ever made here, without its secret."""
        return [kept.row for kept in self._all().values()]

    def rotate(self, use: Use, *, at_once: bool = False) -> KeyRow:
        """Make a key that follows the current one: a day from now, or at once."""
        self._all()
        with self._turn():
            now_ms, rows = self._now_ms(), [each.row for each in self._kept.values()]
            made = _made(use, now_ms, signing_keys.due(rows, use, now_ms=now_ms, at_once=at_once))
            self._write([*self._kept.values(), made])
        return made.row

    def revoke(self, kid: str) -> KeyRow:
        """Let nothing that the key made be accepted any more, and see to it that another takes its place at once.

        Raises KeyError where there is no such key.
        """
        self._all()
        with self._turn():
            now_ms, kept = self._now_ms(), dict(self._kept)
            revoked = kept[kid] = replace(kept[kid], revoked_at_ms=now_ms)
            rows = [each.row for each in kept.values()]
            successors = []
            if signing_keys.current(rows, revoked.use, now_ms=now_ms) is None:
                successors = [_made(revoked.use, now_ms, now_ms)]
            self._write([*kept.values(), *successors])
        return revoked.row

    def _current(self, use: Use) -> _Kept:
        row = signing_keys.current(self.rows(), use, now_ms=self._now_ms())
        if row is None:
            raise KeyringUnreadable(f"No key for {use} is current. Run `cairn keys rotate --at-once`.")
        return self._all()[row.kid]

    def _all(self) -> dict[str, _Kept]:
        if not self._kept or time.monotonic() - self._looked_at_s >= LOOKED_AT_EVERY_S:
            if not self._path.exists():
                now_ms = self._now_ms()
                self._write([_made(use, now_ms, now_ms) for use in USES], is_first=True)
            self._look()
            self._add_what_came_later()
        return self._kept

    def _add_what_came_later(self) -> None:
        """A file from before some use of keys gets one for it; of several processes that see it, one makes it."""
        if self._lacking():
            with self._turn():
                now_ms = self._now_ms()
                self._write([*self._kept.values(), *(_made(use, now_ms, now_ms) for use in self._lacking())])

    @contextmanager
    def _turn(self) -> Generator[None]:
        """Of all who change the file, in whichever process, one at a time: each writes all keys that it has read."""
        with (self._path.parent / f"{KEYRING_FILE}.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            self._look()
            yield

    def _lacking(self) -> list[Use]:
        return [use for use in USES if all(each.use != use for each in self._kept.values())]

    def _look(self) -> None:
        """Read the file if it is another than before; a reader that comes meanwhile has the keys of a second ago."""
        with self._lock:
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                if status.st_mode & 0o077:
                    raise KeyringUnreadable(f"{self._path} can be read by others. Run: chmod 600 {self._path}")
                self._kept, self._seen = _read(self._path), seen
            self._looked_at_s = time.monotonic()

    def _write(self, kept: Sequence[_Kept], *, is_first: bool = False) -> None:
        """Write the file whole or not at all; the first of several processes that start makes it."""
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor, writing = tempfile.mkstemp(prefix=f"{KEYRING_FILE}.", dir=self._path.parent)  # mode 0600
        with os.fdopen(descriptor, "wb") as file:
            file.write(_KEPT.dump_json(list(kept), indent=2))
            file.flush()
            os.fsync(file.fileno())
        try:
            if is_first:
                os.link(writing, self._path)
            else:
                Path(writing).replace(self._path)
        except FileExistsError:
            pass  # another process was first, and its keys are as good
        finally:
            Path(writing).unlink(missing_ok=True)
        self._look()


def _read(path: Path) -> dict[str, _Kept]:
    try:
        kept = _KEPT.validate_json(path.read_bytes())
    except ValidationError as error:
        raise KeyringUnreadable(f"{path} is damaged. Restore it, or remove it: all sign in anew.") from (error)
    return {each.kid: each for each in kept}


def _made(use: Use, now_ms: int, current_from_ms: int) -> _Kept:
    secret = secrets.token_bytes(_SECRET_BYTES)
    kid = hashlib.sha256(b"cairnfield key id " + secret).hexdigest()[:32]
    made = _Kept(kid=kid, use=use, secret=_text(secret), made_at_ms=now_ms, current_from_ms=current_from_ms)
    return replace(made, kid=_thumbprint(_jwk(made))) if use in ("access", "checkpoint") else made


def _mac(kept: _Kept, data: bytes) -> bytes:
    return hmac.digest(_bytes(kept.secret), data, "sha256")


def _private(kept: _Kept) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_bytes(kept.secret))


def _public(kept: _Kept) -> Ed25519PublicKey:
    return _private(kept).public_key()


def _public_bytes(kept: _Kept) -> bytes:
    return _public(kept).public_bytes(Encoding.Raw, PublicFormat.Raw)


def _jwk(kept: _Kept) -> dict[str, str]:
    return {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": _text(_public_bytes(kept)),
        "kid": kept.kid,
        "use": "sig",
        "alg": "EdDSA",
    }


def _thumbprint(jwk: dict[str, Any]) -> str:
    """RFC 7638, of an OKP key."""
    required = {name: jwk[name] for name in ("crv", "kty", "x")}
    return _text(hashlib.sha256(json.dumps(required, separators=(",", ":"), sort_keys=True).encode()).digest())


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
