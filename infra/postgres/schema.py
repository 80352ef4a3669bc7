"""The tables of the log, as SQLAlchemy metadata: the one description that the docs, the ERD and the drift test read.

The migrations beside it make these tables; `tests/infra/test_migrate.py` holds the two to each other.
Every key begins with the tenant, so that tenants can be spread over a cluster (Citus) without a change of query.
Times are told to the database, never asked of it: no column defaults to `now()`.

What every append writes carries no foreign key: one on `event` takes 12 µs an event beside the 20 of the insert, and it
would protect nothing, because the append holds the tenant's `log_head` row, which has such a key.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy import Text as AnyText
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB

APP_ROLE: Final = "cairn_app"
EVENT_PARTITIONS: Final = 16
ROLES: Final = ("technician", "dispatcher", "supervisor", "analyst", "auditor", "admin", "integration")
QUARANTINE_STATES: Final = ("open", "retried", "resubmitted", "approved", "dismissed")

Text = AnyText(collation="C")  # sorts by bytes, on every machine and after every upgrade of its C library
Time = DateTime(timezone=True)

# The names that PostgreSQL itself would choose, so that SQL written by hand and this file agree.
metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    }
)

# What is rewritten all the time is swept after so many dead rows, not after a share of a table that only grows.
_HOT_ROWS = {"autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000}


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN {words}"  # a tuple of plain words is written alike in Python and in SQL


def _written_with(column: str, length: int, alphabet: str) -> str:
    # A regular expression says the same in 0.7 µs an event instead of 0.25.
    return f"octet_length({column}) = {length} AND ltrim({column}, '{alphabet}') = ''"


tenant = Table(
    "tenant",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="The tenant's id, which begins every key of every table."),
    Column("name", Text, nullable=False, comment="What people call the company."),
    Column("created_at", Time, nullable=False, comment="When the tenant was set up."),
    PrimaryKeyConstraint("tenant"),
    comment="A company whose records are kept apart from everybody else's.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)

person = Table(
    "person",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose person."),
    Column("person", Uuid, nullable=False, comment="The person's id."),
    Column("name", Text, nullable=False, comment="What colleagues call them."),
    Column("role", Text, nullable=False, comment="What they may do, see `commands/authority.py`."),
    Column("email", Text, comment="Where mail reaches them, if it does."),
    Column("active", Boolean, nullable=False, server_default=text("true"), comment="False once they have left."),
    PrimaryKeyConstraint("tenant", "person"),
    ForeignKeyConstraint(["tenant"], ["tenant.tenant"]),
    CheckConstraint(_one_of("role", ROLES), name="role"),
    comment="Somebody, or some system, who may sign in.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)

access_token = Table(
    "access_token",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose token."),
    Column(
        "token_hash", LargeBinary, nullable=False, comment="SHA-256 of the bearer token; the token is kept nowhere."
    ),
    Column("person", Uuid, nullable=False, comment="Whom it signs in."),
    Column("issued_at", Time, nullable=False, comment="When it was handed out."),
    Column("expires_at", Time, comment="When it stops working; null: it is only ever revoked, by deleting the row."),
    PrimaryKeyConstraint("tenant", "token_hash"),
    ForeignKeyConstraint(["tenant", "person"], ["person.tenant", "person.person"]),
    CheckConstraint("octet_length(token_hash) = 32", name="token_hash"),
    comment="A bearer token by which a person is known.",
    info={"grants": ("SELECT", "INSERT", "UPDATE", "DELETE")},
)

log_head = Table(
    "log_head",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose log."),
    Column(
        "position",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Position of the newest event; 0: none.",
    ),
    Column("epoch", Uuid, nullable=False, comment="Changes when the server is restored from a backup."),
    Column(
        "frontier",
        ARRAY(BYTEA),
        nullable=False,
        server_default="{}",
        comment="Roots of the complete subtrees of the Merkle log, largest first: all that an append needs of it.",
    ),
    Column(
        "durable",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Up to which position a verified backup holds the log: what devices need not keep any longer.",
    ),
    PrimaryKeyConstraint("tenant"),
    ForeignKeyConstraint(["tenant"], ["tenant.tenant"]),
    CheckConstraint("position >= 0", name="position"),
    CheckConstraint("durable >= 0", name="durable"),
    postgresql_with={"fillfactor": 40, **_HOT_ROWS},
    comment="The end of each tenant's log. An append locks its row and holds it to commit: that makes the order.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)

# The columns stand by width, not by meaning: in the other order alignment pads each row by up to 14 bytes, for ever.
event = Table(
    "event",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose event."),
    Column("position", BigInteger, nullable=False, comment="Its place in the tenant's log: 1, 2, 3 without gaps."),
    Column("version", BigInteger, nullable=False, comment="Its place among the events of its entity, without gaps."),
    Column(
        "seq", BigInteger, nullable=False, comment="Its place among what its replica authored: 1, 2, 3 without gaps."
    ),
    Column("recorded_at", Time, nullable=False, comment="When the server accepted it."),
    Column("id", Uuid, nullable=False, comment="UUIDv7 given by the author, the idempotency key for ever."),
    Column("entity", Uuid, nullable=False, comment="Id of the entity it is about."),
    Column(
        "schema_version", SmallInteger, nullable=False, comment="Version of the schema of its type that it follows."
    ),
    Column("replica", Text, nullable=False, comment="Who authored it: `r` and 12 characters of lower-case base32."),
    Column("entity_type", Text, nullable=False, comment="What kind of thing the entity is, such as `work_order`."),
    Column("type", Text, nullable=False, comment="Name of the fact, such as `VisitFinished`."),
    Column("scope", Text, nullable=False, comment="Home scope of the entity, such as `work_order:<id>`."),
    Column(
        "effective",
        Text,
        nullable=False,
        comment="The stamp that counts in merges, 16 hex characters: `at`, but never later than its arrival.",
    ),
    Column("actor", Text, nullable=False, comment="Who answers for it, as the server knew them."),
    Column(
        "body",
        LargeBinary,
        nullable=False,
        comment="The authored event in canonical JSON, the very bytes that were hashed.",
        info={"storage": "MAIN", "compression": "lz4"},
    ),
    PrimaryKeyConstraint("tenant", "position"),
    UniqueConstraint("tenant", "replica", "seq"),
    UniqueConstraint("tenant", "entity", "version"),
    UniqueConstraint("tenant", "id"),
    Index(None, "tenant", "scope", "position"),
    CheckConstraint("position >= 1", name="position"),
    CheckConstraint("version >= 0", name="version"),
    CheckConstraint("seq >= 1", name="seq"),
    CheckConstraint(_written_with("replica", 13, "abcdefghijklmnopqrstuvwxyz234567"), name="replica"),
    CheckConstraint(_written_with("effective", 16, "0123456789abcdef"), name="effective"),
    postgresql_partition_by="HASH (tenant)",
    comment="The log: what everybody wrote, in one order per tenant. Rows are added, never changed and never removed.",
    info={
        "grants": ("SELECT", "INSERT"),
        "kept_by_append": ("log_head", "replica", "entity"),
        "partitions": EVENT_PARTITIONS,
        # A page is full once and never changes: the first vacuum after it was filled freezes it for good.
        "partition_storage": {
            "fillfactor": 100,
            "autovacuum_vacuum_insert_scale_factor": 0,
            "autovacuum_vacuum_insert_threshold": 100000,
            "autovacuum_freeze_min_age": 0,
        },
    },
)

entity = Table(
    "entity",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose entity."),
    Column("entity", Uuid, nullable=False, comment="The entity's id."),
    Column("version", BigInteger, nullable=False, comment="How many events are merged in its state."),
    Column("type", Text, nullable=False, comment="What kind of thing it is, such as `work_order`."),
    Column("scope", Text, nullable=False, comment="Its home scope, such as `work_order:<id>`."),
    Column(
        "state",
        LargeBinary,
        nullable=False,
        comment="Its merged state in canonical JSON, always equal to the fold of its events.",
        info={"storage": "EXTENDED", "compression": "lz4"},
    ),
    PrimaryKeyConstraint("tenant", "entity"),
    Index(None, "tenant", "type", "entity"),
    Index(None, "tenant", "scope", "entity"),
    CheckConstraint("version >= 0", name="version"),
    postgresql_with={"fillfactor": 70, "autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 20000},
    comment="What each entity looks like now, written in the transaction that appends its events.",
    info={"grants": ("SELECT", "INSERT", "UPDATE"), "kept_by_append": ("log_head",)},
)

replica = Table(
    "replica",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose replica."),
    Column("replica", Text, nullable=False, comment="Its id, minted by the server: `r` and 12 characters of base32."),
    Column("person", Uuid, nullable=False, comment="Who owns it; nobody else may hand in for it."),
    Column("name", Text, nullable=False, comment="What people call the device."),
    Column("minted_at", Time, nullable=False, comment="When the id was given out."),
    Column(
        "last_seq",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Seq of its newest known event; 0: none.",
    ),
    Column(
        "last_hash", LargeBinary, comment="SHA-256 of that event, which the next must name as `prev`; null: none yet."
    ),
    PrimaryKeyConstraint("tenant", "replica"),
    ForeignKeyConstraint(["tenant", "person"], ["person.tenant", "person.person"]),
    CheckConstraint("replica ~ '^r[a-z2-7]{12}$'", name="replica"),
    CheckConstraint("last_seq >= 0", name="last_seq"),
    CheckConstraint("octet_length(last_hash) = 32", name="last_hash"),
    postgresql_with={"fillfactor": 50, **_HOT_ROWS},
    comment="One storage of one person that authors events. All rows of a tenant are its version vector.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)

held = Table(
    "held",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose event."),
    Column("replica", Text, nullable=False, comment="Who authored it."),
    Column("seq", BigInteger, nullable=False, comment="Its place among what its replica authored."),
    Column("id", Uuid, nullable=False, comment="The event's id."),
    Column("entity", Uuid, nullable=False, comment="The entity it is about, which waits with it."),
    Column("missing", JSONB, nullable=False, comment="What it waits for: [replica, seq] pairs that its clock names."),
    Column("actor", Text, nullable=False, comment="Who handed it in, as the server knew them."),
    Column("body", LargeBinary, nullable=False, comment="The authored event in canonical JSON."),
    Column("recorded_at", Time, nullable=False, comment="When it was handed in."),
    PrimaryKeyConstraint("tenant", "replica", "seq"),
    ForeignKeyConstraint(["tenant", "replica"], ["replica.tenant", "replica.replica"]),
    Index(None, "tenant", "entity"),
    postgresql_with=_HOT_ROWS,
    comment="Events that came before what they build on; each is accepted, and leaves, when that arrives.",
    info={"grants": ("SELECT", "INSERT", "UPDATE", "DELETE")},
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose event."),
    Column("replica", Text, nullable=False, comment="Who authored it."),
    Column("seq", BigInteger, nullable=False, comment="Its place among what its replica authored; it is used up."),
    Column("id", Uuid, comment="The event's id; null where it cannot be read."),
    Column("entity", Uuid, comment="The entity it is about; null where it cannot be read."),
    Column("code", Text, nullable=False, comment="Why, as a problem type."),
    Column("detail", Text, nullable=False, comment="Why, in words for whoever must decide."),
    Column("retryable", Boolean, nullable=False, comment="True if the same event may pass later."),
    Column("actor", Text, nullable=False, comment="Who handed it in, as the server knew them."),
    Column("body", LargeBinary, nullable=False, comment="What was handed in, byte for byte."),
    Column("recorded_at", Time, nullable=False, comment="When it was handed in."),
    Column("state", Text, nullable=False, server_default="open", comment="What became of the case."),
    Column("owner", Uuid, comment="Who looks after the case; null: nobody yet."),
    PrimaryKeyConstraint("tenant", "replica", "seq"),
    ForeignKeyConstraint(["tenant", "replica"], ["replica.tenant", "replica.replica"]),
    Index(None, "tenant", "state", "recorded_at", "replica", "seq"),
    CheckConstraint(_one_of("state", QUARANTINE_STATES), name="state"),
    comment="Events that could not be accepted. Each is kept whole until somebody decides, and after.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)

snapshot = Table(
    "snapshot",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose snapshot."),
    Column("entity", Uuid, nullable=False, comment="The entity, an aggregate of the `eventsourcing` library."),
    Column("version", BigInteger, nullable=False, comment="Version of the entity that was kept."),
    Column("type", Text, nullable=False, comment="Topic of the snapshot's class."),
    Column(
        "state",
        LargeBinary,
        nullable=False,
        comment="The snapshot as its mapper wrote it.",
        info={"storage": "EXTENDED", "compression": "lz4"},
    ),
    PrimaryKeyConstraint("tenant", "entity", "version"),
    comment="Shortcuts of the `eventsourcing` library. Never the truth: deleting them costs time, not data.",
    info={"grants": ("SELECT", "INSERT", "DELETE"), "kept_by_append": ("log_head",)},
)

tracking = Table(
    "tracking",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose log is followed."),
    Column("application", Text, nullable=False, comment="Who follows whose events: `follower:application`."),
    Column("position", BigInteger, nullable=False, comment="Position of the newest event processed; it only grows."),
    PrimaryKeyConstraint("tenant", "application"),
    postgresql_with={"fillfactor": 50, **_HOT_ROWS},
    comment="How far each follower has read, written in the transaction that holds what it made of the events.",
    info={"grants": ("SELECT", "INSERT", "UPDATE"), "kept_by_append": ("log_head",)},
)

grant_ = Table(
    "grant_",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose log."),
    Column("person", Uuid, nullable=False, comment="Who is let in."),
    Column("scope", Text, nullable=False, comment="What they are let into, such as `work_order:<id>`."),
    Column("via", Uuid, nullable=False, comment="The entity that lets them in: a visit that names them, for one."),
    Column("from_position", BigInteger, nullable=False, comment="Position of the event from which on it holds."),
    Column("to_position", BigInteger, comment="Position from which on it holds no longer; null: it still does."),
    PrimaryKeyConstraint("tenant", "person", "scope", "via", "from_position"),
    CheckConstraint("from_position >= 1", name="from_position"),
    CheckConstraint("to_position > from_position", name="to_position"),
    postgresql_with={"fillfactor": 90, **_HOT_ROWS},
    comment="Who may see which scope, and from when to when, as the events say; written by the append.",
    info={"grants": ("SELECT", "INSERT", "UPDATE"), "kept_by_append": ("log_head",)},
)

scope_link = Table(
    "scope_link",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose log."),
    Column("scope", Text, nullable=False, comment="A scope, such as `work_order:<id>`."),
    Column("leads_to", Text, nullable=False, comment="A scope that whoever sees the first sees too: the job's site."),
    Column("position", BigInteger, nullable=False, comment="Position of the event that said so; it holds for good."),
    PrimaryKeyConstraint("tenant", "scope", "leads_to"),
    Index(None, "tenant", "leads_to", "scope"),
    CheckConstraint("position >= 1", name="position"),
    comment="What a scope leads to. Written once, when the entity that refers is created.",
    info={"grants": ("SELECT", "INSERT"), "kept_by_append": ("log_head",)},
)

later_verdict = Table(
    "later_verdict",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose event."),
    Column("replica", Text, nullable=False, comment="Who authored it, and is told."),
    Column("seq", BigInteger, nullable=False, comment="Its place among what its replica authored."),
    Column("position", BigInteger, nullable=False, comment="Position of the head when it was decided."),
    Column("id", Uuid, comment="The event's id; null where it cannot be read."),
    Column("verdict", JSONB, nullable=False, comment="What its author is told now, as a push would have answered."),
    PrimaryKeyConstraint("tenant", "replica", "position", "seq"),
    ForeignKeyConstraint(["tenant", "replica"], ["replica.tenant", "replica.replica"]),
    CheckConstraint("position >= 0", name="position"),
    comment="What became of events after their author was answered that they wait or were set aside.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)
