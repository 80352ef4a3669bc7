"""The server's own keys when several change them at the same moment, each as a process of its own would."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from commands.signing_keys import USES
from infra.keyring import KEYRING_FILE, FileKeyring, KeyringUnreadable
from tests.devices import NOON

AT_ONCE: Final = 8
TIMES: Final = 5


def all_at_once(folder: Path, change: Callable[[FileKeyring], list[str]]) -> set[str]:
    """What each of several keyrings of one folder made, which all began at the same moment."""
    together = threading.Barrier(AT_ONCE)

    def one(_: int) -> list[str]:
        keyring = FileKeyring(folder, now_ms=lambda: NOON)
        keyring.rows()
        together.wait()
        return change(keyring)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return {kid for each in pool.map(one, range(AT_ONCE)) for kid in each}


def test_keys_that_are_made_at_the_same_moment_are_all_kept(tmp_path: Path) -> None:
    first = {row.kid for row in FileKeyring(tmp_path, now_ms=lambda: NOON).rows()}
    made = all_at_once(tmp_path, lambda keyring: [keyring.rotate("access").kid for _ in range(TIMES)])
    assert len(made) == AT_ONCE * TIMES
    assert {row.kid for row in FileKeyring(tmp_path, now_ms=lambda: NOON).rows()} == first | made


def test_a_key_that_is_revoked_while_others_are_made_stays_revoked(tmp_path: Path) -> None:
    leaked = FileKeyring(tmp_path, now_ms=lambda: NOON).signer()

    def revoke_and_rotate(keyring: FileKeyring) -> list[str]:
        keyring.revoke(leaked)
        return [keyring.rotate(use).kid for use in USES]

    made = all_at_once(tmp_path, revoke_and_rotate)
    rows = {row.kid: row for row in FileKeyring(tmp_path, now_ms=lambda: NOON).rows()}
    assert rows[leaked].revoked_at_ms == NOON
    assert made <= rows.keys()
    assert len(rows) == len(USES) + len(made) + 1, "and one key alone took its place"


def test_keys_that_others_can_read_are_not_used_and_it_is_said_what_to_do(tmp_path: Path) -> None:
    FileKeyring(tmp_path, now_ms=lambda: NOON).rows()
    (tmp_path / KEYRING_FILE).chmod(0o644)
    with pytest.raises(KeyringUnreadable, match=r"can be read by others. Run: chmod 600"):
        FileKeyring(tmp_path, now_ms=lambda: NOON).rows()
