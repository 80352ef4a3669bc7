"""Vectors of what a device lets a log tell it."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sync.checkpoint import Checkpoint, Origin, VerifierKey, signed
from sync.merkle import appended, consistency_proof, leaf_hash, root_of
from tests.vectors.spelling import Case

ABOUT: Final = (
    "What a device keeps of its server's log. It begins with nothing and takes one step after the other: hello has"
    " named `origin`, the server answers `answers` by the size that it is asked to continue, and what is kept is"
    " `keeps` (the sizes of the newest checkpoint, and of the newest that a backup holds), null for nothing, or"
    " `rewritten` where the device must stop, `refused` where it asks again another time."
)
TENANT: Final = "01900000-0000-7000-8000-000000000001"
OTHER_TENANT: Final = "01900000-0000-7000-8000-000000000002"
BEFORE: Final = Origin(TENANT, "01900000-0000-7000-8000-0000000000e1")
AFTER: Final = Origin(TENANT, "01900000-0000-7000-8000-0000000000e2")
KEY, OTHER_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([number] * 32)) for number in (1, 2))
Step = dict[str, Any]


class Log:
    """Events of a log, by what they say."""

    def __init__(self, events: str) -> None:
        self.leaves = [leaf_hash(each.encode()) for each in events]

    def root(self, size: int) -> bytes:
        return root_of(appended(0, [], self.leaves[:size]))

    def node(self, level: int, index: int) -> bytes:
        return root_of(appended(0, [], self.leaves[index << level : (index + 1) << level]))


GOOD: Final = Log("abcdefghijklmnopqrstuvwxyz")
REWRITTEN: Final = Log("abCdefghijklmnopqrstuvwxyz")


def shown(
    log: Log,
    size: int,
    since: Sequence[int],
    *,
    origin: Origin = BEFORE,
    key: Ed25519PrivateKey = KEY,
    durable: int = 0,
    names: Ed25519PrivateKey | None = None,
) -> dict[str, Any]:
    """What a server answers, by the size that it is asked to continue."""
    checkpoint = Checkpoint(origin, size, log.root(size))
    public = key.public_key().public_bytes_raw()
    note = signed(checkpoint, [(public, key.sign(checkpoint.body()))])
    named = (names or key).public_key().public_bytes_raw()
    return {
        str(each): {
            "checkpoint": note.decode(),
            "keys": [str(VerifierKey(origin, named))],
            "durable": durable,
            "consistency": [base64.b64encode(each).decode() for each in consistency_proof(each, size, log.node)]
            if each <= size
            else None,
        }
        for each in since
    }


def step(answers: Mapping[str, Any], keeps: Any, *, origin: Origin = BEFORE) -> Step:
    named = {"tenant": origin.tenant, "epoch": origin.epoch}  # the stream of events, which is the only one it follows
    return {"origin": named, "answers": dict(answers), "keeps": keeps}


def _case(name: str, why: str, *steps: Step) -> Case:
    return {"name": name, "why": why, "steps": list(steps)}


def _first(size: int = 5, durable: int = 0) -> Step:
    return step(shown(GOOD, size, [0], durable=durable), [size, size if durable >= size else None])


def _refused(code: str, *since: int) -> dict[str, Any]:
    return {str(each): {"code": code} for each in since}


def cases() -> list[Case]:
    """All of them."""
    grown = [
        _case(
            f"from {old} to {new} events",
            "Whatever the sizes, a log that only grows is followed.",
            _first(old),
            step(shown(GOOD, new, [old]), [new, None]),
        )
        for old in range(1, 10)
        for new in sorted({old, old + 1, 2 * old, 26})
    ]
    rewritten = [
        _case(
            f"an event among the first {old} is another, shown at {new}",
            "The server signs the other history, and shows how that one grew.",
            _first(old),
            step(shown(REWRITTEN, new, [old]), "rewritten"),
        )
        for old, new in ((3, 3), (3, 8), (4, 5), (7, 26), (8, 9))
    ]
    tampered = shown(GOOD, 9, [5])
    tampered["5"]["consistency"] = tampered["5"]["consistency"][:-1]
    other_size = shown(GOOD, 9, [5])
    other_size["5"]["checkpoint"] = other_size["5"]["checkpoint"].replace("\n9\n", "\n8\n")
    return [
        *grown,
        *rewritten,
        _case(
            "rolled back", "Fewer events than were signed before.", _first(5), step(shown(GOOD, 4, [5]), "rewritten")
        ),
        _case("a proof that is too short", "It does not lead to the root.", _first(5), step(tampered, "rewritten")),
        _case("another size under the same signature", "The size is signed.", _first(5), step(other_size, "rewritten")),
        _case(
            "another key",
            "Only the keys of first contact count, whatever the server names now.",
            _first(5),
            step(shown(GOOD, 9, [5], key=OTHER_KEY), "rewritten"),
        ),
        _case(
            "a key that did not sign",
            "At first contact too, the key that is named must be the one that signed.",
            step(shown(GOOD, 5, [0], names=OTHER_KEY), "rewritten"),
        ),
        _case(
            "another tenant",
            "The log of somebody else continues nothing of ours.",
            step(shown(GOOD, 5, [0], origin=Origin(OTHER_TENANT, BEFORE.epoch)), "rewritten"),
        ),
        _case(
            "not now",
            "A server that is asked too much says so: that is no other history.",
            _first(5),
            step(_refused("too_many_requests", 5), "refused"),
        ),
        _case("nothing is signed yet", "There is nothing to see.", step(_refused("no_checkpoint", 0), None), _first(5)),
        _case(
            "no proofs here", "A server that signs nothing is followed unseen.", step(_refused("no_proofs", 0), None)
        ),
        _case(
            "no proofs any more",
            "Whoever has signed before must go on to.",
            _first(5),
            step(_refused("no_proofs", 5), "rewritten"),
        ),
        _case(
            "no checkpoint any more",
            "In the same epoch what was signed is there for ever.",
            _first(5),
            step(_refused("no_checkpoint", 5), "rewritten"),
        ),
        _case(
            "restored, and nothing is signed yet",
            "The new epoch has no checkpoint yet: what was seen is kept, and asked for next time.",
            _first(5, durable=5),
            step(_refused("no_checkpoint", 5), [5, 5], origin=AFTER),
        ),
        _case(
            "restored with all that was durable",
            "What came after the backup may be lost; what it holds may not.",
            _first(5, durable=5),
            step(shown(GOOD, 9, [5], durable=5), [9, 5]),
            step(shown(Log("abcdeXYZ"), 7, [5], origin=AFTER, durable=5), [7, 5], origin=AFTER),
        ),
        _case(
            "restored, and what was durable is another",
            "Nobody can call it a restore and rewrite what a backup holds.",
            _first(5, durable=5),
            step(shown(REWRITTEN, 9, [5], origin=AFTER, durable=5), "rewritten", origin=AFTER),
        ),
        _case(
            "restored, and nothing was durable",
            "Then the log of the new epoch need continue nothing.",
            _first(5),
            step(shown(REWRITTEN, 3, [0], origin=AFTER), [3, None], origin=AFTER),
        ),
        _case(
            "a new epoch since hello",
            "The checkpoint names another epoch than hello did: it is asked again, since what was durable.",
            _first(5, durable=5),
            step(shown(GOOD, 9, [5], durable=5), [9, 5]),
            step(shown(GOOD, 7, [5, 9], origin=AFTER, durable=5), [7, 5]),
        ),
        _case(
            "what is durable grows",
            "The newest checkpoint that a backup holds takes the place of the one of before.",
            _first(3, durable=3),
            step(shown(GOOD, 6, [3], durable=6), [6, 6]),
            step(shown(GOOD, 9, [6], durable=7), [9, 6]),
        ),
    ]
