"""What proves the logs: the adapters by which people ask for proofs, and what has checkpoints signed."""

from typing import TYPE_CHECKING

from infra.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg_pool import ConnectionPool

    from api.proof_ports import Proofs
    from infra.audit_keeper import AuditKeeper
    from infra.checkpoint_signer import CheckpointSigner
    from infra.postgres.pool import Connection
    from infra.tree_keeper import TreeKeeper


def open_signer(settings: Settings, now_ms: "Callable[[], int]") -> "CheckpointSigner":
    """The signer of all logs, which remembers beside the server's own keys what it has signed."""
    from cairnfield.identity import open_keyring
    from infra.checkpoint_signer import CheckpointSigner

    return CheckpointSigner(open_keyring(settings, now_ms), settings.keys)


def open_proofs(pool: "ConnectionPool[Connection]", settings: Settings, now_ms: "Callable[[], int]") -> "Proofs":
    """By what people ask for proofs."""
    from api.proof_ports import Proofs
    from infra.evidence_zip import packed
    from infra.postgres.proof_shelf import PostgresAuditShelf, PostgresProofShelf

    return Proofs(
        shelf=PostgresProofShelf(pool),
        publics=open_signer(settings, now_ms).publics,
        packed=packed,
        audit=PostgresAuditShelf(pool),
    )


def open_keeper(pool: "ConnectionPool[Connection]", settings: Settings, now_ms: "Callable[[], int]") -> "TreeKeeper":
    """What keeps the trees of all logs, over connections of the projector's."""
    from infra.postgres.proof_shelf import PostgresProofShelf
    from infra.tree_keeper import TreeKeeper

    return TreeKeeper(PostgresProofShelf(pool), open_signer(settings, now_ms), now_ms=now_ms)


def open_audit_keeper(
    pool: "ConnectionPool[Connection]", settings: Settings, now_ms: "Callable[[], int]"
) -> "AuditKeeper":
    """What keeps the trees of all audits, over connections of the projector's."""
    from infra.audit_keeper import AuditKeeper
    from infra.postgres.audit_places import AuditPlaces
    from infra.postgres.proof_shelf import PostgresAuditShelf
    from infra.tree_keeper import TreeKeeper

    trees = TreeKeeper(PostgresAuditShelf(pool), open_signer(settings, now_ms), now_ms=now_ms)
    return AuditKeeper(AuditPlaces(pool), trees)
