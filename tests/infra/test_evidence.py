"""A bundle of evidence is checked by the program in it, in a process of its own that has nothing else."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Final

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra import verify_evidence
from infra.evidence_zip import packed
from infra.memory import MemoryEventLog
from infra.memory_proof_shelf import MemoryProofShelf
from sync.checkpoint import VerifierKey
from sync.evidence import bundle
from sync.evidence_frame import Frame
from sync.evidence_page import Subject
from sync.log import Changes
from sync.tiles import nodes_over
from tests.devices import new_id
from tests.infra.event_logs import Office, event, events
from tests.infra.proving import Proven

SPOILED: Final = 60
"""Bits of a bundle's events that are flipped."""


class Case:
    """A log, what an auditor has kept of it, and bundles of it."""

    def __init__(self, folder: Path) -> None:
        log = MemoryEventLog()
        tenant = new_id()
        log.add_tenant(tenant)
        self.folder = folder
        self.proven = Proven(Office(log=log, tenant=tenant), MemoryProofShelf(log), folder / "keys")
        self.proven.office.mint("ada")
        self.proven.grow(5)
        self.kept = self.proven.sign()
        self.kept_file = self._keep(5)
        nasty = event(6, type='<script>"x"', body=b"\xff\x00 not text", scope="work_order:1")
        self.proven.office.store(Changes(events=[nasty, *events(300, after=6)]))
        self.newest = self.proven.sign()

    def _keep(self, size: int) -> Path:
        kept = self.folder / f"{size}.checkpoint"
        (row,) = self.proven.shelf.signed(self.proven.tenant, after=size - 1, limit=1)
        kept.write_bytes(row.note)
        return kept

    def bundle(self, *, older: tuple[int, ...] = (5,)) -> bytes:
        shelf, tenant = self.proven.shelf, self.proven.tenant
        row = shelf.newest(tenant, self.newest.checkpoint.origin.epoch)
        assert row is not None
        rows = self.proven.office.events()
        subject = Subject(tenant, "work_order:<1>", [rows[0], rows[5], rows[255], rows[305]])
        keys = [VerifierKey(self.newest.checkpoint.origin, each) for each in self.proven.signer.publics()]
        nodes = nodes_over(lambda level, number: shelf.tile(tenant, level, number))
        return packed(bundle(subject, Frame(row, keys, nodes, older)))


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def told(case: Case, content: bytes, *said: str) -> tuple[int, str]:
    """What the program in a bundle says of it, unpacked and run in isolation; (exit status, what it said)."""
    place = case.folder / "unpacked"
    with zipfile.ZipFile(io.BytesIO(content)) as bundled:
        bundled.extractall(place)
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(place / "verify.py"), *said],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={},
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def changed(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(made, "w") as after:
        for each in before.namelist():
            after.writestr(each, change(before.read(each)) if each == name else before.read(each))
    return made.getvalue()


def test_a_bundle_says_what_it_proves_and_what_not(case: Case) -> None:
    status, said = told(case, case.bundle())
    assert status == 0, said
    assert "in its first 306 events" in said
    assert "4, each of them in that log, unchanged" in said
    assert "What it does not prove: that what they say is true" in said
    assert case.bundle() == case.bundle(), "the same bundle has the same bytes"


def test_a_checkpoint_and_a_key_of_ones_own_are_held_against_it(case: Case) -> None:
    key = str(VerifierKey(case.kept.checkpoint.origin, case.proven.signer.publics()[0]))
    status, said = told(case, case.bundle(), "--key", key, "--checkpoint", str(case.kept_file))
    assert (status, "continues  your checkpoint over 5 events" in said, "(your key)" in said) == (0, True, True), said
    status, said = told(case, case.bundle(older=()), "--checkpoint", str(case.kept_file))
    assert (status, "not shown that the log continues" in said) == (1, True)
    other = VerifierKey(case.kept.checkpoint.origin, bytes(range(32)))
    status, said = told(case, case.bundle(), "--key", str(other))
    assert (status, "signed by none of these keys" in said) == (1, True)
    forged = case.folder / "forged"
    forged.write_bytes(case.kept_file.read_bytes().replace(b"\n5\n", b"\n4\n"))
    status, said = told(case, case.bundle(), "--checkpoint", str(forged))
    assert (status, "your checkpoint is signed by none" in said) == (1, True)
    assert told(case, case.bundle(), "--what")[0] == 2


def quietly(content: bytes) -> str:
    """What the program says, run here, of a bundle that it must not take."""
    with zipfile.ZipFile(io.BytesIO(content)) as bundled, pytest.raises(verify_evidence.Bad) as why:
        verify_evidence.check(bundled.read, None, None, lambda _: None)
    return str(why.value)


def test_whatever_is_changed_in_an_event_is_named_by_its_position(case: Case) -> None:
    content, dice = case.bundle(), Random(11)
    with zipfile.ZipFile(io.BytesIO(content)) as bundled:
        lines = bundled.read("events.ndjson").splitlines()
    for _ in range(SPOILED):
        number = dice.randrange(len(lines))
        line = orjson.loads(lines[number])
        part = dice.choice([name for name in ("stamps", "body", "body_base64") if name in line])
        place = dice.randrange(len(line[part]))
        line[part] = line[part][:place] + ("a" if line[part][place] != "a" else "b") + line[part][place + 1 :]
        spoiled = b"\n".join([*lines[:number], orjson.dumps(line), *lines[number + 1 :]])
        why = quietly(changed(content, "events.ndjson", lambda _, now=spoiled: now))  # type: ignore[misc]
        assert why.startswith(f"the event at position {line['position']}: "), why


def test_another_position_another_proof_and_no_events_are_refused(case: Case) -> None:
    content = case.bundle()

    def spoil(change: Callable[[dict[str, object]], object]) -> str:
        def spoiled(raw: bytes) -> bytes:
            lines = [orjson.loads(line) for line in raw.splitlines()]
            change(lines[0])
            return b"\n".join(map(orjson.dumps, lines))

        return quietly(changed(content, "events.ndjson", spoiled))

    assert "position 2" in spoil(lambda line: line.update(position=2))
    assert "position 0" in spoil(lambda line: line.update(position=0))
    assert "position 1" in spoil(lambda line: line.update(inclusion=[]))
    assert "longer than the tree" in spoil(lambda line: line["inclusion"].extend(["AA=="] * 9))  # type: ignore[attr-defined]
    assert "position 1" in spoil(lambda line: line.pop("stamps"))
    assert quietly(changed(content, "events.ndjson", lambda _: b"")) == "there is no event in it"
    assert "signed by none" in quietly(changed(content, "checkpoint.txt", lambda raw: raw.replace(b"306", b"307")))
    assert "signed by none" in quietly(changed(content, "keys.txt", lambda _: b""))


def test_the_page_is_safe_to_open_and_tells_both_clocks(case: Case) -> None:
    with zipfile.ZipFile(io.BytesIO(case.bundle())) as bundled:
        page = bundled.read("summary.html").decode()
        assert set(bundled.namelist()) == {
            *("README.txt", "summary.html", "events.ndjson", "checkpoint.txt", "keys.txt", "consistency.json"),
            "verify.py",
        }
        assert bundled.read("verify.py") == Path(verify_evidence.__file__).read_bytes()
    assert "<script" not in page
    assert "&lt;script&gt;&quot;x&quot;" in page
    assert "work_order:&lt;1&gt;" in page
    assert "By the device" in page


def test_the_plain_signature_check_agrees_with_the_library_and_refuses_what_it_does() -> None:
    dice = Random(2)
    for number in range(12):
        key = Ed25519PrivateKey.from_private_bytes(dice.randbytes(32))
        public, data = key.public_key().public_bytes_raw(), dice.randbytes(number * 9)
        signature = key.sign(data)
        assert verify_evidence.is_signed(public, signature, data)
        bit = dice.randrange(512)
        spoiled = bytearray(signature)
        spoiled[bit // 8] ^= 1 << bit % 8
        assert not verify_evidence.is_signed(public, bytes(spoiled), data)
        assert not verify_evidence.is_signed(public, signature, data + b"x")
        assert not verify_evidence.is_signed(bytes(32), signature, data)
        beyond = (
            signature[:32] + (int.from_bytes(signature[32:], "little") + verify_evidence.L).to_bytes(33, "little")[:32]
        )
        assert not verify_evidence.is_signed(public, beyond, data), "a second spelling of the same signature"
    assert not verify_evidence.is_signed(b"", b"", b"")


def test_the_signature_of_rfc_8032_is_good() -> None:
    """The second vector of section 7.1."""
    public = bytes.fromhex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    signature = bytes.fromhex(
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
    )
    assert verify_evidence.is_signed(public, signature, b"\x72")
