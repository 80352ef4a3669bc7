#!/usr/bin/env python3
"""Checks a bundle of evidence from Cairnfield: `python3 verify.py [BUNDLE.zip] [--key KEY] [--checkpoint FILE]`.

It needs Python 3.8 or newer and nothing else: no network, no package, nothing of Cairnfield. What it computes is
written down in RFC 6962 (the tree), RFC 8032 (the signature) and C2SP signed-note (the checkpoint).
"""

from __future__ import annotations

import base64
import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Point = tuple[int, int, int, int]
    Key = tuple[str, bytes]
    NoteRead = tuple[str, int, bytes, bytes, list[bytes]]

WHAT_IT_PROVES = """
What this proves: whoever holds the key signed for a log in which these lie at these positions, byte for byte.
Their texts, the times in them, who told them and when the server took them in were not changed since.
"""
WHAT_IT_DOES_NOT = """
What it does not prove: that what they say is true; that these are all there are; when it was signed;
and whose key it is. Compare the key with one that you had from elsewhere (--key), or better, let a checkpoint
that you kept be shown to fit (--checkpoint).
"""

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_1 = pow(2, (P - 1) // 4, P)


class Bad(Exception):
    """The bundle proves nothing; the text says why."""


# Ed25519 as RFC 8032 checks it; points are (x, y, z, x*y/z).


def add(one: Point, other: Point) -> Point:
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def times(number: int, point: Point) -> Point:
    found: Point = (0, 1, 1, 0)
    while number:
        if number & 1:
            found = add(found, point)
        point, number = add(point, point), number >> 1
    return found


def is_same(one: Point, other: Point) -> bool:
    return (one[0] * other[2] - other[0] * one[2]) % P == 0 and (one[1] * other[2] - other[1] * one[2]) % P == 0


def x_of(y: int, sign: int) -> int | None:
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * ROOT_OF_MINUS_1 % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return P - x if x & 1 != sign else x


def point_of(raw: bytes) -> Point | None:
    number = int.from_bytes(raw, "little")
    y, sign = number & ((1 << 255) - 1), number >> 255
    x = x_of(y, sign)
    return None if x is None else (x, y, 1, x * y % P)


BASE_Y = 4 * pow(5, P - 2, P) % P
BASE_X = x_of(BASE_Y, 0) or 0
BASE = (BASE_X, BASE_Y, 1, BASE_X * BASE_Y % P)


def is_signed(public: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the key signed these bytes."""
    if len(public) != 32 or len(signature) != 64:
        return False
    key, start = point_of(public), point_of(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or start is None or scalar >= L:
        return False
    digest = hashlib.sha512(signature[:32] + public + data).digest()
    challenge = int.from_bytes(digest, "little") % L
    return is_same(times(scalar, BASE), add(start, times(challenge, key)))


# The tree of RFC 6962; proofs as RFC 9162 checks them.


def leaf_hash(leaf: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_by_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    place, last, root = index, size - 1, leaf
    for each in proof:
        if last == 0:
            raise Bad("its proof is longer than the tree is high")
        if place & 1 or place == last:
            root = node_hash(each, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, each)
        place, last = place >> 1, last >> 1
    if last:
        raise Bad("its proof is shorter than the tree is high")
    return root


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    if old == new:
        return old_root == new_root and not proof
    if not proof or not 0 < old < new:
        return False
    hashes = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    ours = theirs = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            ours, theirs = node_hash(each, ours), node_hash(each, theirs)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            theirs = node_hash(theirs, each)
        place, last = place >> 1, last >> 1
    return last == 0 and ours == old_root and theirs == new_root


# Checkpoints and keys as C2SP spells them.


def read_note(raw: bytes) -> NoteRead:
    """(origin, size, root, signed bytes, [id of the key and signature])"""
    try:
        body, _, lines = raw.decode().partition("\n\n")
        origin, size, root = body.split("\n")
        told = [line.split(" ") for line in lines.splitlines()]
        marks = [base64.b64decode(each, validate=True) for dash, name, each in told if dash == "—" and name == origin]
        return origin, int(size), base64.b64decode(root, validate=True), (body + "\n").encode(), marks
    except ValueError as why:
        raise Bad(f"the checkpoint cannot be read: {why}") from why


def read_key(text: str) -> Key:
    name, _, rest = text.strip().partition("+")
    _, _, encoded = rest.partition("+")
    raw = base64.b64decode(encoded)
    if raw[:1] != b"\x01" or len(raw) != 33:
        raise Bad(f"{text!r} is no Ed25519 key")
    return name, raw[1:]


def key_id(origin: str, public: bytes) -> bytes:
    return hashlib.sha256(origin.encode() + b"\n\x01" + public).digest()[:4]


def signers(note: NoteRead, keys: Sequence[Key]) -> list[bytes]:
    origin, _, _, body, marks = note
    return [
        public
        for _, public in keys
        if any(mark[:4] == key_id(origin, public) and is_signed(public, mark[4:], body) for mark in marks)
    ]


# The bundle.


def files_of(place: Path) -> Callable[[str], bytes]:
    """A function that reads a file of the bundle, a zip or a folder."""
    if place.is_dir():
        return lambda name: (place / name).read_bytes()
    return zipfile.ZipFile(place).read


def event_leaf(told: dict[str, Any], origin: str) -> bytes:
    body = told["body"].encode() if "body" in told else base64.b64decode(told["body_base64"])
    stamps: bytes = told["stamps"].encode()
    return stamps + b"\n" + body


def entry_leaf(told: dict[str, Any], origin: str) -> bytes:
    """The leaf of an entry of the audit, once what stands beside it is known to be what it has the hash of."""
    leaf: bytes = told["leaf"].encode()
    says = json.loads(leaf)
    if says["position"] != told["position"] or not origin.startswith(f"cairnfield/t/{says['tenant']}/e/"):
        raise Bad("it is of another place, or of another tenant's audit")
    if "salt" in told:
        words = json.dumps([told["address"], told["detail"]], ensure_ascii=False, separators=(",", ":"))
        if hashlib.sha256(bytes.fromhex(told["salt"]) + words.encode()).hexdigest() != says["said"]:
            raise Bad("its address or its words are not what was signed for")
    return leaf


def check(
    read: Callable[[str], bytes], own_key: str | None, own_checkpoint: bytes | None, say: Callable[[str], object]
) -> None:
    """Raises Bad where anything does not fit."""
    note = read_note(read("checkpoint.txt"))
    origin, size, root, _, _ = note
    keys = [read_key(line) for line in read("keys.txt").decode().splitlines() if line]
    if own_key is not None:
        keys = [read_key(own_key)]
    who = signers(note, keys)
    if not who:
        raise Bad("the checkpoint is signed by none of these keys")
    say(f"The log    {origin}, in its first {size} {'entries' if origin.endswith('/audit') else 'events'}")
    for public in who:
        say(f"signed by  {base64.b64encode(public).decode()}{'' if own_key is None else '  (your key)'}")
    if origin.endswith("/audit"):
        what, name, leaf_of = "entry", "audit.ndjson", entry_leaf
    else:
        what, name, leaf_of = "event", "events.ndjson", event_leaf
    count = 0
    for line in read(name).splitlines():
        told = json.loads(line)
        position = told["position"]
        try:
            leaf = leaf_hash(leaf_of(told, origin))
            proof = [base64.b64decode(each) for each in told["inclusion"]]
            if not 1 <= position <= size or root_by_inclusion(leaf, position - 1, size, proof) != root:
                raise Bad("it is not what was signed for")
        except (Bad, ValueError, KeyError, TypeError, AttributeError) as why:
            raise Bad(f"the {what} at position {position}: {why}") from why
        count += 1
    if not count:
        raise Bad(f"there is no {what} in it")
    say(f"{'entries ' if what == 'entry' else 'events  '}   {count}, each of them in that log, unchanged")
    if own_checkpoint is not None:
        fits(own_checkpoint, note, keys, json.loads(read("consistency.json")), say)


def fits(own: bytes, note: NoteRead, keys: Sequence[Key], shown: dict[str, Any], say: Callable[[str], object]) -> None:
    """Whether a checkpoint that was kept elsewhere is of the same history; Bad where it is not."""
    old = read_note(own)
    if not signers(old, keys):
        raise Bad("your checkpoint is signed by none of these keys")
    if old[0] != note[0]:
        raise Bad(f"your checkpoint is of another log, or of before a restore: {old[0]}")
    proof = [base64.b64decode(each) for each in shown.get(str(old[1]), [])]
    if not is_consistent(old[1], old[2], note[1], note[2], proof):
        raise Bad(f"it is not shown that the log continues your checkpoint over {old[1]}")
    say(f"continues  your checkpoint over {old[1]} {'entries' if old[0].endswith('/audit') else 'events'}")


def main(arguments: Sequence[str]) -> int:
    """Exit status: 0 where everything fits, 1 where it does not, 2 where it was asked wrongly."""
    place, key, kept = Path(__file__).resolve().parent, None, None
    rest = list(arguments)
    while rest:
        each = rest.pop(0)
        if each in ("--key", "--checkpoint") and rest:
            with_it = rest.pop(0)
            if each == "--key":
                key = with_it
            else:
                kept = Path(with_it)
        elif each.startswith("-"):
            print(__doc__, file=sys.stderr)
            return 2
        else:
            place = Path(each)
    try:
        check(files_of(place), key, None if kept is None else kept.read_bytes(), print)
    except (Bad, OSError, KeyError, ValueError, zipfile.BadZipFile) as why:
        print(f"NOT PROVEN: {why}")
        return 1
    print(WHAT_IT_PROVES + WHAT_IT_DOES_NOT)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
