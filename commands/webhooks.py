"""What becomes of a webhook's deliveries: whom a fact is told to, how it is worded, and what follows from an answer.

A webhook is a line at which events wait in the order of the log: one is sent at a time, and what fails is tried again
before anything behind it. How far the line has come is a position in the log, so there is no outbox that could be
written twice or forgotten.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

import orjson

from domain.catalogue import FACTS, ON_DEVICES
from domain.people import Role
from sync.log import TenantId
from sync.rows import EventRow

BODY_BYTES_MAX: Final = 20_000
"""As Standard Webhooks asks: what is larger is told by name, and fetched."""
ANSWER_BYTES_KEPT: Final = 512
EVERYTHING: Final = "*"
WEBHOOKS_MAX: Final = 50
"""Of one tenant."""
REPLAYS_MAX: Final = 20
"""That wait at one webhook at a time."""
FACTS_MAX: Final = 100

_S: Final = 1_000
_MINUTE: Final = 60 * _S
_HOUR: Final = 60 * _MINUTE

WAITS_MS: Final = (
    *(5 * _S, 5 * _MINUTE, 30 * _MINUTE),
    *(2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR),
)
"""How long to wait after the first failure, the second, …: ten tries within 75 hours
(https://github.com/standard-webhooks/standard-webhooks, "Retry schedule")."""
TRIES_MAX: Final = len(WAITS_MS) + 1
SPREAD: Final = 0.1
"""By which part a wait is shorter or longer, so that receivers that fell together are not called together."""
RETRY_AFTER_MS_MAX: Final = 24 * _HOUR
SLOW_MS: Final = 2_000
OVERLAP_MS: Final = 24 * _HOUR
"""How long the secret before still signs, unless the rotation says otherwise."""

_OK: Final = range(200, 300)
_GONE: Final = 410
_ASK_LATER: Final = frozenset({429, 503})


class Answer(NamedTuple):
    """What came of sending once."""

    status: int | None
    """None: nobody answered, and `error` says why."""
    took_ms: int
    error: str = ""
    head: bytes = b""
    """The first bytes of the answer."""
    retry_after_ms: int | None = None
    """For how long the receiver asks to be left alone."""

    @property
    def is_taken(self) -> bool:
        """Only 2xx is a yes: a redirect would lead to an address that nobody has checked."""
        return self.status in _OK


class Step(NamedTuple):
    """What follows from an answer."""

    outcome: str
    """`delivered`, `failed` (it is tried again), `dead` (it is not), or `gone` (the receiver wants nothing more)."""
    failures: int
    """In a row, of what is at the head of the line now."""
    next_at_ms: int
    """Not before."""
    moves_on: bool
    """Whether whatever stands behind it is next."""
    closes: str | None = None
    """Why the webhook is switched off, if it is: `gone` or `failing`."""


def after(answer: Answer, *, failures: int, just_buried: bool, now_ms: int, dice: float) -> Step:
    """What follows from the answer to a try that came after so many failures of the same delivery.

    `just_buried`: the delivery before it became a dead letter. If the next one fails at once as well, it is not the
    letter but the receiver, and the line is closed with that one still at its head, instead of burying one after the
    other every 75 hours. `dice` is a number from 0 to 1.
    """
    if answer.is_taken:
        return Step("delivered", 0, now_ms, moves_on=True)
    if answer.status == _GONE:
        return Step("gone", failures, now_ms, moves_on=False, closes="gone")
    if just_buried and failures == 0:
        return Step("failed", 1, now_ms, moves_on=False, closes="failing")
    if failures + 1 >= TRIES_MAX:
        return Step("dead", 0, now_ms, moves_on=True)
    return Step("failed", failures + 1, now_ms + _wait_ms(answer, failures, dice), moves_on=False)


def _wait_ms(answer: Answer, failures: int, dice: float) -> int:
    planned = round(WAITS_MS[failures] * (1 - SPREAD + 2 * SPREAD * dice))
    if answer.status not in _ASK_LATER or answer.retry_after_ms is None:
        return planned
    return max(planned, min(answer.retry_after_ms, RETRY_AFTER_MS_MAX))


def is_slow(answer: Answer) -> bool:
    """Whether its next delivery goes where only a part of the places is, so that the others keep theirs."""
    return not answer.is_taken or answer.took_ms > SLOW_MS


def name_of(entity_type: str, event_type: str) -> str:
    """What a fact is called in a subscription and in a message, such as `visit.VisitFinished`."""
    return f"{entity_type}.{event_type}"


NAMES: Final = frozenset(
    {EVERYTHING}
    | {f"{entity}.*" for entity in ON_DEVICES}
    | {name_of(entity, fact) for entity in ON_DEVICES for fact in FACTS[entity]}
)
"""Everything that can be subscribed to."""


def unknown_names(facts: Collection[str]) -> Sequence[str]:
    """Those of them that no event will ever have."""
    return sorted(set(facts) - NAMES)


class Message(NamedTuple):
    """What is sent; the same for every try, so that a receiver knows a second one by its id."""

    id: str
    body: bytes


def message_of(row: EventRow) -> Message:
    """An event of the log as it is told: what was authored, byte for byte, beside the server's stamps.

    One that is too large is told without its content, with the path under which its entity is read.
    """
    told = {
        "position": row.position,
        "entity_type": row.entity_type,
        "entity_id": row.entity,
        "version": row.version,
        "effective": row.effective,
        "author_id": row.actor,
        "recorded_at_ms": row.recorded_at_ms,
    }
    link = f"/v1/entities/{row.entity_type}/{row.entity}"
    whole = _message(row, told | {"link": link, "event": orjson.Fragment(row.body)})
    return whole if len(whole.body) < BODY_BYTES_MAX else _message(row, told | {"link": link, "event": None})


def _message(row: EventRow, data: Mapping[str, object]) -> Message:
    name = name_of(row.entity_type, row.type)
    document = {"type": name, "timestamp": time_of(row.recorded_at_ms), "data": data}
    return Message(f"evt_{row.id}", orjson.dumps(document))


def ping(errand: str, *, now_ms: int) -> Message:
    """The test message."""
    document = {"type": "webhook.ping", "timestamp": time_of(now_ms), "data": {"ping": errand}}
    return Message(f"ping_{errand}", orjson.dumps(document))


def time_of(at_ms: int) -> str:
    """RFC 3339, in UTC, to the millisecond."""
    seconds, ms = divmod(at_ms, 1_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ms:03}Z"


_SUBSCRIBE: Final = frozenset[Role]({"admin", "integration"})


def may_subscribe(role: Role) -> bool:
    """Whether somebody in this role has webhooks; one whose owner may not any more is not served."""
    return role in _SUBSCRIBE


def may_see_all(role: Role) -> bool:
    """Whether somebody in this role sees the webhooks of others, and may stop them."""
    return role == "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A subscription and how far it has come."""

    webhook: str
    owner: str
    """Who made it, who alone says where it leads."""
    name: str
    url: str
    facts: tuple[str, ...]
    state: str
    """`active`, `paused` by somebody, or `disabled` for `reason`."""
    reason: str | None
    """`gone`: the receiver answered 410; `failing`: ten tries failed, and the next delivery too."""
    version: int
    """How often it was changed."""
    position: int
    """Up to here everything that it wants was delivered, or is a dead letter."""
    failures: int
    """Of the delivery after that, in a row."""
    next_at_ms: int
    just_buried: bool
    generation: int
    """Of its secret."""
    overlap_until_ms: int
    """Until then the secret before signs as well."""
    key: str
    """Which key of the server its secrets come from."""
    created_at_ms: int


class Errand(NamedTuple):
    """What somebody asked to be sent besides the next events."""

    errand: str
    kind: str
    """`replay` of what lies between `position` and `to_position`, or a `ping`."""
    position: int
    """Up to here it is done."""
    to_position: int
    failures: int
    next_at_ms: int
    asked_by: str
    asked_at_ms: int


class Delivery(NamedTuple):
    """One try, and what came of it."""

    delivery: str
    message: str
    kind: str
    position: int | None
    attempt: int
    sent_at_ms: int
    took_ms: int
    status: int | None
    error: str
    answer: bytes
    outcome: str


class DeadLetter(NamedTuple):
    """An event that was given up."""

    position: int
    message: str
    buried_at_ms: int
    status: int | None
    error: str


class Changed(NamedTuple):
    """What somebody changes of a webhook: None leaves it as it is."""

    name: str | None = None
    url: str | None = None
    facts: tuple[str, ...] | None = None
    state: str | None = None


class WebhookBook(Protocol):
    """Who is told of events. Implemented by `infra.postgres.webhooks.PostgresWebhooks`.

    Every method raises LogUnavailable.
    """

    def add(self, tenant: TenantId, webhook: Webhook, *, from_position: int | None) -> bool:
        """Subscribe, from there on or from the end of the log; False where the tenant has WEBHOOKS_MAX."""
        ...

    def webhook(self, tenant: TenantId, webhook: str) -> Webhook | None:
        """One of them."""
        ...

    def webhooks(self, tenant: TenantId, owner: str | None) -> Sequence[Webhook]:
        """All of them, oldest first, or all of one owner."""
        ...

    def change(
        self, tenant: TenantId, webhook: str, changed: Changed, *, version: int | None, now_ms: int
    ) -> Webhook | None:
        """Change it; switched on, it is tried at once. None: it is not there, or not in that version."""
        ...

    def remove(self, tenant: TenantId, webhook: str) -> None:
        """Tell it nothing any more, and forget it."""
        ...

    def rotate(self, tenant: TenantId, webhook: str, *, key: str, overlap_until_ms: int) -> Webhook | None:
        """Let the next secret sign, and until then the one before too."""
        ...

    def ask(self, tenant: TenantId, webhook: str, errand: Errand) -> bool:
        """Let an errand be run; False where REPLAYS_MAX wait already."""
        ...

    def errands(self, tenant: TenantId, webhook: str) -> Sequence[Errand]:
        """Those that wait, oldest first."""
        ...

    def deliveries(self, tenant: TenantId, webhook: str, *, before: tuple[int, str], limit: int) -> Sequence[Delivery]:
        """At most `limit` tries whose (sent_at_ms, delivery) is smaller than `before`, newest first."""
        ...

    def dead_letters(self, tenant: TenantId, webhook: str, *, after: int, limit: int) -> Sequence[DeadLetter]:
        """At most `limit` events after a position that were given up, in order."""
        ...
