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

APP_ROLE: Final = "cairn_api"
EVENT_PARTITIONS: Final = 16
ROLES: Final = ("technician", "dispatcher", "supervisor", "analyst", "auditor", "admin", "integration")
DEVICE_STATES: Final = ("active", "lost", "compromised")
WAYS_IN: Final = ("password", "passkey")
QUARANTINE_STATES: Final = ("open", "retried", "resubmitted", "approved", "dismissed")
WEBHOOK_STATES: Final = ("active", "paused", "disabled")

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
    Column(
        "authority",
        BigInteger,
        nullable=False,
        server_default=text("1"),
        comment="Grows whenever what they may do changes: access tokens that name a smaller number are refused.",
    ),
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
        comment="The authored event in canonical JSON, the very bytes that were hashed; or where they lie.",
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
    comment="The log: what everybody wrote, in one order per tenant. Rows are added, never changed and never removed; "
    "only the body of an old one may move to a file and back.",
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

cold_file = Table(
    "cold_file",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose events."),
    Column("file", Uuid, nullable=False, comment="The file's name, which the marks in the log say."),
    Column("first_position", BigInteger, nullable=False, comment="The smallest position of an event in it."),
    Column("last_position", BigInteger, nullable=False, comment="The greatest; what lies between need not be in it."),
    Column("events", BigInteger, nullable=False, comment="How many events are in it."),
    Column("bytes", BigInteger, nullable=False, comment="Its size."),
    Column("moved_at", Time, nullable=False, comment="When the bodies were moved there."),
    Column("sha256", LargeBinary, nullable=False, comment="SHA-256 of the file."),
    Column("path", Text, nullable=False, comment="Where it lies, as every process that reads the log finds it."),
    Column("restored_at", Time, comment="When its bodies were brought back; older copies of the log still need it."),
    PrimaryKeyConstraint("tenant", "file"),
    ForeignKeyConstraint(["tenant"], ["tenant.tenant"]),
    CheckConstraint("first_position >= 1", name="first_position"),
    CheckConstraint("events >= 1", name="events"),
    CheckConstraint("octet_length(sha256) = 32", name="sha256"),
    comment="Files in which bodies of old events lie; in the log a mark stands in the stead of each.",
    info={"grants": ("SELECT",)},
)

log_tile = Table(
    "log_tile",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose log."),
    Column("number", BigInteger, nullable=False, comment="Its place among the tiles of its level: 0, 1, 2 …"),
    Column("level", SmallInteger, nullable=False, comment="0: hashes of leaves; 1: roots over tiles of level 0; …"),
    Column(
        "hashes",
        LargeBinary,
        nullable=False,
        comment="Up to 256 hashes of 32 bytes, one after the other; a full tile never changes, the last one grows.",
        info={"storage": "EXTERNAL"},
    ),
    PrimaryKeyConstraint("tenant", "level", "number"),
    CheckConstraint("octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0", name="hashes"),
    comment="The hashes of each log's Merkle tree, in tiles (C2SP tlog-tiles). They follow from the log.",
    info={"grants": ("SELECT",), "kept_by_append": ("log_head",)},
)

log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose log."),
    Column("size", BigInteger, nullable=False, comment="How many events it is over: the position of the last."),
    Column("epoch", Uuid, nullable=False, comment="The epoch of the log, which its origin names."),
    Column("signed_at", Time, nullable=False, comment="When it was signed."),
    Column("root", LargeBinary, nullable=False, comment="The root of the Merkle tree over those events."),
    Column("note", LargeBinary, nullable=False, comment="The signed note (C2SP tlog-checkpoint), byte for byte."),
    PrimaryKeyConstraint("tenant", "size", "epoch"),
    CheckConstraint("size >= 1", name="size"),
    CheckConstraint("octet_length(root) = 32", name="root"),
    comment="Every checkpoint that was signed of a log. The key is not in the database, so none can be made here.",
    info={"grants": ("SELECT",), "kept_by_append": ("log_head",)},
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
    Index(None, "tenant", "person"),
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
    Index(None, "tenant", "id"),
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

milestone = Table(
    "milestone",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose entity."),
    Column("entity", Uuid, nullable=False, comment="The entity."),
    Column("version", BigInteger, nullable=False, comment="How many of its events are in the state."),
    Column("position", BigInteger, nullable=False, comment="Position of the last of them."),
    Column("epoch", Uuid, nullable=False, comment="Epoch of the log; those of another one are not looked at."),
    Column(
        "way", Text, nullable=False, comment="The way in which it was folded; those of another one are not looked at."
    ),
    Column(
        "state",
        LargeBinary,
        nullable=False,
        comment="Its merged state then, in canonical JSON.",
        info={"storage": "EXTENDED", "compression": "lz4"},
    ),
    Column(
        "knew",
        LargeBinary,
        nullable=False,
        comment="By replica, what its author had merged of the entity by then, in canonical JSON.",
        info={"storage": "EXTENDED", "compression": "lz4"},
    ),
    PrimaryKeyConstraint("tenant", "entity", "version"),
    CheckConstraint("position >= 1", name="position"),
    comment="What long-lived entities were after every so many events: where a look into their past begins. Never the "
    "truth: deleting them costs time, not data.",
    info={"grants": ("SELECT",), "kept_by_append": ("log_head", "entity")},
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

sign_in = Table(
    "sign_in",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose person."),
    Column("person", Uuid, nullable=False, comment="Who signs in by it."),
    Column("email", Text, nullable=False, comment="What they are called at sign-in, in lower case."),
    Column("password_hash", Text, comment="Argon2id of their password, with its parameters; null: passkeys only."),
    Column("changed_at", Time, nullable=False, comment="When the password was set."),
    PrimaryKeyConstraint("tenant", "person"),
    UniqueConstraint("tenant", "email"),
    ForeignKeyConstraint(["tenant", "person"], ["person.tenant", "person.person"]),
    comment="By what a person signs in; the password itself is kept nowhere.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)

passkey = Table(
    "passkey",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose passkey."),
    Column("credential", LargeBinary, nullable=False, comment="The id that the authenticator gave it."),
    Column("person", Uuid, nullable=False, comment="Whom it signs in."),
    Column("public_key", LargeBinary, nullable=False, comment="Its public key, as COSE."),
    Column(
        "uses",
        BigInteger,
        nullable=False,
        comment="The authenticator's own count of uses; one that falls back is a copy.",
    ),
    Column("name", Text, nullable=False, comment="What its owner calls it."),
    Column("added_at", Time, nullable=False, comment="When it was added."),
    Column("used_at", Time, comment="When it last signed somebody in."),
    PrimaryKeyConstraint("tenant", "credential"),
    ForeignKeyConstraint(["tenant", "person"], ["person.tenant", "person.person"]),
    Index(None, "tenant", "person"),
    comment="A passkey (WebAuthn) by which a person signs in.",
    info={"grants": ("SELECT", "INSERT", "UPDATE", "DELETE")},
)

device = Table(
    "device",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose device."),
    Column("device", Uuid, nullable=False, comment="The device's id."),
    Column("person", Uuid, nullable=False, comment="Who registered it; it speaks for nobody else."),
    Column("name", Text, nullable=False, comment="What people call it."),
    Column("platform", Text, comment="What it runs on, as it says itself."),
    Column("public_key", JSONB, nullable=False, comment="Its public key, as a JWK; the private one never leaves it."),
    Column("thumbprint", Text, nullable=False, comment="The key's RFC 7638 thumbprint."),
    Column("state", Text, nullable=False, server_default="active", comment="What has been said of it."),
    Column("registered_at", Time, nullable=False, comment="When it was registered."),
    Column("seen_at", Time, nullable=False, comment="When it last signed in, refreshed or handed in late."),
    Column("revoked_at", Time, comment="When it was reported lost or compromised."),
    Column("late_events", BigInteger, nullable=False, server_default=text("0"), comment="Events it handed in late."),
    Column("late_bytes", BigInteger, nullable=False, server_default=text("0"), comment="Bytes of those events."),
    PrimaryKeyConstraint("tenant", "device"),
    UniqueConstraint("tenant", "thumbprint"),
    ForeignKeyConstraint(["tenant", "person"], ["person.tenant", "person.person"]),
    Index(None, "tenant", "person"),
    CheckConstraint(_one_of("state", DEVICE_STATES), name="state"),
    comment="A phone, tablet or browser of one person, known by a key that it made itself.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)

device_replica = Table(
    "device_replica",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose replica."),
    Column("replica", Text, nullable=False, comment="A replica that was minted for a device."),
    Column("device", Uuid, nullable=False, comment="The device, which alone hands in for it."),
    PrimaryKeyConstraint("tenant", "replica"),
    ForeignKeyConstraint(["tenant", "device"], ["device.tenant", "device.device"]),
    Index(None, "tenant", "device"),
    comment="Which device a replica is of; those that no device asked for are not in it.",
    info={"grants": ("SELECT", "INSERT")},
)

session = Table(
    "session",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose session."),
    Column("session", Uuid, nullable=False, comment="The session's id."),
    Column("person", Uuid, nullable=False, comment="Who signed in."),
    Column("device", Uuid, comment="On which registered device; null: none yet."),
    Column("thumbprint", Text, nullable=False, comment="Thumbprint of the key that every refresh must prove."),
    Column("refresh_key", Text, nullable=False, comment="Id of the key that its refresh tokens are derived with."),
    Column("generation", BigInteger, nullable=False, comment="Number of the newest refresh token that was used."),
    Column("way", Text, nullable=False, comment="How they signed in."),
    Column("signed_in_at", Time, nullable=False, comment="When they signed in."),
    Column("refreshed_at", Time, nullable=False, comment="When it was last refreshed."),
    Column("ended_at", Time, comment="When it was ended; null: it was not."),
    Column("end_reason", Text, comment="Why it was ended."),
    PrimaryKeyConstraint("tenant", "session"),
    ForeignKeyConstraint(["tenant", "person"], ["person.tenant", "person.person"]),
    Index(None, "tenant", "person"),
    CheckConstraint("generation >= 0", name="generation"),
    CheckConstraint(_one_of("way", WAYS_IN), name="way"),
    postgresql_with={"fillfactor": 70, **_HOT_ROWS},
    comment="One sign-in and all refresh tokens that follow from it; the tokens themselves are kept nowhere.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)

service_account = Table(
    "service_account",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose account."),
    Column("client", Uuid, nullable=False, comment="The id that it signs in with."),
    Column("person", Uuid, nullable=False, comment="As whom it speaks: a person of role integration."),
    Column("secret_hash", LargeBinary, nullable=False, comment="SHA-256 of its secret, which is random."),
    Column("scopes", ARRAY(Text), nullable=False, comment="All that it may be let into."),
    Column("created_at", Time, nullable=False, comment="When it was made."),
    Column("revoked_at", Time, comment="When it was revoked; null: it was not."),
    PrimaryKeyConstraint("tenant", "client"),
    ForeignKeyConstraint(["tenant", "person"], ["person.tenant", "person.person"]),
    CheckConstraint("octet_length(secret_hash) = 32", name="secret_hash"),
    comment="Another system, which signs in with a secret and speaks in its own name.",
    info={"grants": ("SELECT", "INSERT", "UPDATE")},
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose entry."),
    Column("entry", Uuid, nullable=False, comment="A UUID of version 7, so that entries sort by when they were made."),
    Column("at", Time, nullable=False, comment="When it happened."),
    Column("kind", Text, nullable=False, comment="What happened, such as `signed_in`."),
    Column("person", Uuid, comment="Whom it is about, if that is known."),
    Column("actor", Uuid, comment="Who did it, if that is known."),
    Column("device", Uuid, comment="On which device, if on one."),
    Column("session", Uuid, comment="In which session, if in one."),
    Column("address", Text, comment="From which network address."),
    Column("detail", Text, nullable=False, comment="What else there is to say, in words; never a secret."),
    Column("position", BigInteger, comment="Its place in the audit's Merkle log; null: it has none yet."),
    Column("salt", LargeBinary, comment="16 random bytes before address and detail in the hash that the leaf has."),
    Column("sealed", LargeBinary, comment="That hash, where address, detail and salt were erased; else null."),
    PrimaryKeyConstraint("tenant", "entry"),
    UniqueConstraint("tenant", "position"),
    Index(None, "tenant", "entry", postgresql_where=text("position IS NULL")),
    CheckConstraint("position >= 1", name="position"),
    CheckConstraint("octet_length(salt) = 16", name="salt"),
    CheckConstraint("octet_length(sealed) = 32", name="sealed"),
    comment="Who signed in, was refused, read what, and did what with keys and devices. Rows are added, never changed.",
    info={"grants": ("SELECT", "INSERT")},
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose audit."),
    Column("position", BigInteger, nullable=False, comment="Position of the newest entry that has its place."),
    Column(
        "durable",
        BigInteger,
        nullable=False,
        server_default=text("0"),
        comment="Up to which position a verified backup holds the audit.",
    ),
    Column(
        "frontier", ARRAY(BYTEA), nullable=False, comment="Roots of the complete subtrees of its tree, largest first."
    ),
    PrimaryKeyConstraint("tenant"),
    ForeignKeyConstraint(["tenant"], ["tenant.tenant"]),
    CheckConstraint("position >= 0", name="position"),
    CheckConstraint("durable >= 0", name="durable"),
    postgresql_with={"fillfactor": 40, **_HOT_ROWS},
    comment="The end of each tenant's audit. Whoever gives entries their places locks its row; who notes one does not.",
    info={"grants": ("SELECT",)},
)

audit_tile = Table(
    "audit_tile",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose audit."),
    Column("number", BigInteger, nullable=False, comment="As in `log_tile`."),
    Column("level", SmallInteger, nullable=False, comment="As in `log_tile`."),
    Column("hashes", LargeBinary, nullable=False, comment="As in `log_tile`.", info={"storage": "EXTERNAL"}),
    PrimaryKeyConstraint("tenant", "level", "number"),
    CheckConstraint("octet_length(hashes) BETWEEN 32 AND 8192 AND octet_length(hashes) % 32 = 0", name="hashes"),
    comment="The hashes of each audit's Merkle tree, in tiles. They follow from its entries.",
    info={"grants": ("SELECT",)},
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose audit."),
    Column("size", BigInteger, nullable=False, comment="How many entries it is over: the position of the last."),
    Column("epoch", Uuid, nullable=False, comment="The epoch of the tenant's log, which its origin names."),
    Column("signed_at", Time, nullable=False, comment="When it was signed."),
    Column("root", LargeBinary, nullable=False, comment="The root of the Merkle tree over those entries."),
    Column("note", LargeBinary, nullable=False, comment="The signed note (C2SP tlog-checkpoint), byte for byte."),
    PrimaryKeyConstraint("tenant", "size", "epoch"),
    CheckConstraint("size >= 1", name="size"),
    CheckConstraint("octet_length(root) = 32", name="root"),
    comment="Every checkpoint that was signed of an audit. The key is not in the database, so none can be made here.",
    info={"grants": ("SELECT",)},
)

webhook = Table(
    "webhook",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose log is told."),
    Column("webhook", Uuid, nullable=False, comment="The webhook's id."),
    Column("owner", Uuid, nullable=False, comment="Who made it, who alone says where it leads."),
    Column(
        "position",
        BigInteger,
        nullable=False,
        comment="Up to here all that it wants was delivered, or is a dead letter: it only grows.",
    ),
    Column("version", BigInteger, nullable=False, server_default=text("1"), comment="Counts its changes by people."),
    Column("failures", BigInteger, nullable=False, server_default=text("0"), comment="Of what is next, in a row."),
    Column("generation", BigInteger, nullable=False, server_default=text("1"), comment="Counts its secrets."),
    Column("created_at", Time, nullable=False, comment="When it was made."),
    Column("next_at", Time, nullable=False, comment="Nothing is sent before, but pings."),
    Column("overlap_until", Time, comment="Until then the secret before signs too; null: there is none."),
    Column("claimed_until", Time, comment="Until then whoever holds the claim delivers; null: nobody does."),
    Column("claim", Uuid, comment="Made up by whoever delivers, and known to them alone."),
    Column("just_buried", Boolean, nullable=False, server_default=text("false"), comment="A dead letter came last."),
    Column("slow", Boolean, nullable=False, server_default=text("false"), comment="The last answer was slow, or bad."),
    Column("state", Text, nullable=False, server_default="active", comment="Whether it is served."),
    Column("reason", Text, comment="Why it is disabled: `gone` (410) or `failing`."),
    Column("name", Text, nullable=False, comment="What people call it."),
    Column("url", Text, nullable=False, comment="Where it leads."),
    Column("key", Text, nullable=False, comment="Which key of the server its secrets are made from."),
    Column("facts", ARRAY(Text), nullable=False, comment="What it wants, such as `visit.VisitFinished`."),
    PrimaryKeyConstraint("tenant", "webhook"),
    ForeignKeyConstraint(["tenant", "owner"], ["person.tenant", "person.person"]),
    CheckConstraint(_one_of("state", WEBHOOK_STATES), name="state"),
    CheckConstraint("position >= 0", name="position"),
    CheckConstraint("failures >= 0", name="failures"),
    postgresql_with={"fillfactor": 50, **_HOT_ROWS},
    comment="Who is told of events, and how far they were told: the log itself is what waits to be sent.",
    info={"grants": ("SELECT", "INSERT", "UPDATE", "DELETE")},
)

webhook_errand = Table(
    "webhook_errand",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose webhook."),
    Column("webhook", Uuid, nullable=False, comment="Which webhook."),
    Column("errand", Uuid, nullable=False, comment="The errand's id."),
    Column("position", BigInteger, nullable=False, comment="Up to here it is done."),
    Column("to_position", BigInteger, nullable=False, comment="The last one to be sent again."),
    Column("failures", BigInteger, nullable=False, server_default=text("0"), comment="Of what is next, in a row."),
    Column("asked_at", Time, nullable=False, comment="When it was asked for."),
    Column("next_at", Time, nullable=False, comment="Not before."),
    Column("asked_by", Uuid, nullable=False, comment="Who asked for it."),
    Column("kind", Text, nullable=False, comment="`replay` of events, or a `ping`."),
    PrimaryKeyConstraint("tenant", "webhook", "errand"),
    ForeignKeyConstraint(["tenant", "webhook"], ["webhook.tenant", "webhook.webhook"], ondelete="CASCADE"),
    CheckConstraint(_one_of("kind", ("replay", "ping")), name="kind"),
    postgresql_with=_HOT_ROWS,
    comment="What somebody asked to be sent besides the next events; it leaves when it is done.",
    info={"grants": ("SELECT", "INSERT")},
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose webhook."),
    Column("webhook", Uuid, nullable=False, comment="Which webhook."),
    Column("delivery", Uuid, nullable=False, comment="The try's id."),
    Column("position", BigInteger, comment="Position of the event that was sent; null: it was a ping."),
    Column("took_ms", BigInteger, nullable=False, comment="Until the answer was read, or given up."),
    Column("attempt", BigInteger, nullable=False, comment="Which try it was: 1, 2, …"),
    Column("sent_at", Time, nullable=False, comment="When it was sent."),
    Column("status", SmallInteger, comment="HTTP status of the answer; null: nobody answered."),
    Column("kind", Text, nullable=False, comment="`event`, `replay` or `ping`."),
    Column("message", Text, nullable=False, comment="Its `webhook-id`, by which the receiver knows it."),
    Column("outcome", Text, nullable=False, comment="`delivered`, `failed`, `dead` or `gone`."),
    Column("error", Text, nullable=False, comment="Why there is no answer; empty where there is one."),
    Column("answer", LargeBinary, nullable=False, comment="The first bytes of the answer."),
    PrimaryKeyConstraint("tenant", "webhook", "sent_at", "delivery"),
    ForeignKeyConstraint(["tenant", "webhook"], ["webhook.tenant", "webhook.webhook"], ondelete="CASCADE"),
    Index(None, "tenant", "sent_at"),
    CheckConstraint(_one_of("outcome", ("delivered", "failed", "dead", "gone")), name="outcome"),
    comment="Every try of the last days, and what came of it.",
    info={"grants": ("SELECT",)},
)

webhook_dead_letter = Table(
    "webhook_dead_letter",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose webhook."),
    Column("webhook", Uuid, nullable=False, comment="Which webhook."),
    Column("position", BigInteger, nullable=False, comment="Position of the event; its content is in the log."),
    Column("buried_at", Time, nullable=False, comment="When it was given up."),
    Column("status", SmallInteger, comment="HTTP status of the last answer; null: nobody answered."),
    Column("message", Text, nullable=False, comment="Its `webhook-id`."),
    Column("error", Text, nullable=False, comment="Why there was no answer; empty where there was one."),
    PrimaryKeyConstraint("tenant", "webhook", "position"),
    ForeignKeyConstraint(["tenant", "webhook"], ["webhook.tenant", "webhook.webhook"], ondelete="CASCADE"),
    comment="Events that were given up after ten tries; one leaves when it is delivered after all.",
    info={"grants": ("SELECT",)},
)

order_answer = Table(
    "order_answer",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose order."),
    Column("person", Uuid, nullable=False, comment="Who gave it."),
    Column("answered_at", Time, nullable=False, comment="When it was carried out; forgotten a day later."),
    Column("key", Text, nullable=False, comment="Its `Idempotency-Key`."),
    Column("order_hash", LargeBinary, nullable=False, comment="SHA-256 of what was ordered: another order is refused."),
    Column("answer", LargeBinary, nullable=False, comment="What was answered, to be answered again."),
    PrimaryKeyConstraint("tenant", "person", "key"),
    Index(None, "tenant", "answered_at"),
    CheckConstraint("octet_length(order_hash) = 32", name="order_hash"),
    postgresql_with=_HOT_ROWS,
    comment="What orders over HTTP were answered, stored with their events.",
    info={"grants": ("SELECT", "INSERT", "DELETE"), "kept_by_append": ("log_head",)},
)

analyst_login = Table(
    "analyst_login",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose read model it may look at."),
    Column("login", Text, nullable=False, comment="Name of a role of the database that signs in."),
    PrimaryKeyConstraint("tenant", "login"),
    ForeignKeyConstraint(["tenant"], ["tenant.tenant"]),
    comment="Who asks the read model by SQL, and of which tenant they are; an administrator writes it.",
    info={"grants": ()},
)

projection_parked = Table(
    "projection_parked",
    metadata,
    Column("tenant", Uuid, nullable=False, comment="Whose entity."),
    Column("version", BigInteger, nullable=False, comment="In which version of the read model it stands still."),
    Column("position", BigInteger, nullable=False, comment="Position of the event that cannot be taken in."),
    Column("parked_at", Time, nullable=False, comment="When that was found."),
    Column("entity", Uuid, nullable=False, comment="The entity, of which nothing from there on is in the tables."),
    Column("why", Text, nullable=False, comment="What went wrong."),
    PrimaryKeyConstraint("tenant", "version", "entity"),
    CheckConstraint("position >= 1", name="position"),
    comment="Entities that stand still in the read model, because one of their events cannot be taken in.",
    info={"grants": ("SELECT",), "kept_by_append": ("log_head",)},
)
