"""The signer signs nothing that contradicts what it signed before, whatever the database says by now."""

from multiprocessing import get_context
from pathlib import Path
from typing import Final

import orjson
import pytest

from commands.signing_keys import USES
from infra.checkpoint_signer import CheckpointSigner, SigningRefused
from infra.ed25519 import verify
from infra.keyring import FileKeyring
from sync.checkpoint import read_note
from sync.merkle import leaf_hash
from tests.devices import NOON
from tests.sync.test_merkle import hashes
from tests.sync.test_trust import LEAVES, ORIGIN, OTHERS, RESTORED, Log

DAY_MS: Final = 86_400_000


class Signing:
    """A signer with its folder, made anew for each call as by another process."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.now_ms = folder, NOON

    @property
    def keyring(self) -> FileKeyring:
        return FileKeyring(self.folder, now_ms=lambda: self.now_ms)

    @property
    def signer(self) -> CheckpointSigner:
        return CheckpointSigner(self.keyring, self.folder)

    def sign(self, log: Log, size: int) -> bytes:
        return self.signer.sign(log.at(size), durable=log.durable, proofs=lambda old: log.proofs(size)[old])


@pytest.fixture
def signing(tmp_path: Path) -> Signing:
    return Signing(tmp_path / "keys")


def test_what_goes_on_is_signed_and_the_same_once_more(signing: Signing) -> None:
    log = Log(LEAVES)
    for size in (1, 5, 5, 64, 100):
        note = read_note(signing.sign(log, size))
        assert note.checkpoint == log.at(size) == signing.signer.trust(ORIGIN.tenant).newest
        assert note.signed_by(signing.signer.publics(), verify)


def test_a_history_that_was_rewritten_or_cut_off_is_not_signed(signing: Signing) -> None:
    signing.sign(Log(LEAVES), 50)
    for log, size in ((Log(OTHERS), 50), (Log(OTHERS), 90), (Log(LEAVES), 49)):
        with pytest.raises(SigningRefused, match="Not signed: The log was"):
            signing.sign(log, size)
    assert signing.sign(Log(LEAVES), 51)


def test_what_is_not_signed_of_an_audit_is_called_by_its_name(signing: Signing) -> None:
    audit = ORIGIN._replace(stream="audit")
    signing.sign(Log(LEAVES, audit), 50)
    with pytest.raises(SigningRefused, match="Not signed: The audit was rewritten: among its first 50 entries"):
        signing.sign(Log(OTHERS, audit), 90)
    with pytest.raises(SigningRefused, match="Not signed: The audit was rolled back: it held 50 entries"):
        signing.sign(Log(LEAVES, audit), 49)
    assert signing.sign(Log(OTHERS), 50), "the log has a memory of its own"


def test_a_restore_is_signed_where_it_was_announced_and_holds_what_was_durable(signing: Signing) -> None:
    log = Log(LEAVES, durable=40)
    signing.sign(log, 30)
    signing.sign(log, 60)
    restored = Log([*LEAVES[:45], *hashes(20)], RESTORED, durable=40)
    with pytest.raises(SigningRefused, match="announced"):
        signing.sign(restored, 50)
    signing.signer.announce(ORIGIN.tenant, RESTORED.epoch)
    with pytest.raises(SigningRefused, match="durable"):
        signing.sign(Log(OTHERS, RESTORED, durable=40), 50)
    assert signing.sign(restored, 50)
    with pytest.raises(SigningRefused, match="announced"):
        signing.sign(log, 70)


def test_every_tenant_is_remembered_by_itself(signing: Signing) -> None:
    signing.sign(Log(LEAVES), 50)
    other = ORIGIN._replace(tenant="00000000-0000-4000-8000-000000000009")
    assert signing.sign(Log(OTHERS, other), 10)
    assert signing.signer.trust("00000000-0000-4000-8000-00000000000f").newest is None


def test_a_damaged_memory_signs_nothing(signing: Signing) -> None:
    signing.sign(Log(LEAVES), 50)
    kept = signing.folder / "checkpoints" / f"{ORIGIN.tenant}.json"
    kept.write_bytes(kept.read_bytes()[:-9])
    with pytest.raises(SigningRefused, match="damaged"):
        signing.sign(Log(LEAVES), 51)


def sign_in_a_process(folder: Path, leaves: list[bytes], size: int) -> bool:
    try:
        Signing(folder).sign(Log(leaves), size)
    except SigningRefused:
        return False
    return True


def test_two_processes_at_once_never_sign_two_histories(signing: Signing) -> None:
    signing.sign(Log(LEAVES), 5)
    rewritten = [*LEAVES[:20], leaf_hash(b"another"), *LEAVES[21:]]
    with get_context("spawn").Pool(2) as pool:
        told = [(signing.folder, list(each), 50) for each in (LEAVES, rewritten) * 4]
        signed = pool.starmap(sign_in_a_process, told)
    assert {tuple(signed[0::2]), tuple(signed[1::2])} == {(True,) * 4, (False,) * 4}


def test_a_key_that_was_followed_goes_on_signing_and_one_that_was_revoked_does_not(signing: Signing) -> None:
    log = Log(LEAVES)
    (first,) = signing.signer.publics()
    signing.keyring.rotate("checkpoint")
    assert len(signing.signer.publics()) == 2
    signing.now_ms += 4_000 * DAY_MS
    second, last = signing.signer.publics()
    assert last == first
    assert read_note(signing.sign(log, 7)).signed_by([first, second], verify) == [first, second]
    (kid,) = [kid for kid, public in signing.keyring.checkpoint_keys() if public == first]
    signing.keyring.revoke(kid)
    assert read_note(signing.sign(log, 8)).signed_by([first, second], verify) == [second]


def test_a_file_of_keys_from_before_gets_the_key_that_it_lacks(signing: Signing) -> None:
    before = signing.keyring.rows()
    kept = signing.folder / "keyring.json"
    kept.write_bytes(orjson.dumps([each for each in orjson.loads(kept.read_bytes()) if each["use"] != "checkpoint"]))
    after = signing.keyring.rows()
    assert {row.use for row in after} == set(USES)
    assert {row for row in after if row.use != "checkpoint"} == {row for row in before if row.use != "checkpoint"}
    assert signing.keyring.rows() == after, "it is made once"
