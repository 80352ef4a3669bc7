"""What a request reads: the entities that whoever speaks may see, as they are now or as they were at a moment.

May see always means now: a moment of the past shows nobody what they may not see today, and hides nothing from them
that they may.
"""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any, Final, NamedTuple

from fastapi import Query
from pydantic import WithJsonSchema

from api.auth import forbidden
from api.problem import Problem
from api.problem_types import PROBLEM_TYPES
from api.services import Services
from commands.as_of import POSITION_PATTERN, AsOf, AsOfAhead, AsOfBeforeBeginning, AsOfUnreadable, as_of
from commands.authority import Principal, may_see_history, sees_everything
from commands.looking_back import PastOf
from domain.catalogue import ON_DEVICES
from domain.grants import EVERYBODYS
from domain.values import INTEGER_MAX
from sync.as_of import stand_at, stands_at
from sync.rows import EntityRow

FOLDED_PER_REQUEST_MAX: Final = 20_000
"""Events that one request folds to show entities as they were; a page of them ends early instead of folding more."""
BEGINNING: Final = "00000000-0000-0000-0000-000000000000"
"""Before the id of every entity."""

_MOMENT: Final = WithJsonSchema(
    {
        "anyOf": [{"type": "string", "pattern": POSITION_PATTERN}, {"type": "string", "format": "date-time"}],
        "examples": ["880", "2026-01-01T12:00:00Z"],
    }
)
AsOfText = Annotated[
    str | None,
    Query(
        alias="as_of",
        description="As it was: a position of the log, or a time of RFC 3339 by which the server had recorded it.",
    ),
    _MOMENT,
]

MomentText = Annotated[
    str | None,
    Query(description="A position of the log, or a time of RFC 3339 by which the server had recorded it."),
    _MOMENT,
]


class Stretch(NamedTuple):
    """Some of the entities that somebody may see, by id."""

    rows: Sequence[EntityRow]
    reached: str | None
    """The id up to which they are all here; None: there are no more behind it."""


class Reading:
    """One request's look at the entities of its tenant."""

    def __init__(self, speaking: Principal, services: Services, moment: str | None) -> None:
        """Raises Problem for a moment that there is not."""
        self.speaking, self._services = speaking, services
        self._past = services.log.past(speaking.tenant)
        self.as_of = None if moment is None else moment_of(moment, speaking, services)
        self._scopes = scopes_of(speaking, services)
        self._may_fold = FOLDED_PER_REQUEST_MAX

    @property
    def is_spent(self) -> bool:
        """Whether as much was folded as one request may."""
        return self._may_fold <= 0

    @property
    def told(self) -> dict[str, Any]:
        """Which moment the answer shows, where one was asked for."""
        return {} if self.as_of is None else {"as_of": self.as_of.told}

    def entity(self, entity_type: str, entity: str) -> EntityRow:
        """One entity; raises Problem where it is not there, or not theirs."""
        now = self._now(entity_type, entity)
        if self.as_of is None:
            return now
        until = self.as_of.position
        if self._past.history(entity, after=now.version - 1, until=until, limit=1):
            return now  # its newest event lies before the moment, so nothing has become of it since
        then = stand_at(self._past, entity, until, newest=now.version)
        if then is None:
            raise not_there_yet(entity_type, entity, self.as_of)
        return then.row

    def looked_into(self, entity_type: str, entity: str) -> PastOf:
        """The past of one entity up to the moment; raises Problem where it is not there, or not theirs to look up."""
        if not may_see_history(self.speaking.role, entity_type):
            raise forbidden(
                f"Whoever is {self.speaking.role} does not look up who wrote what of a {entity_type}.",
                "Ask a supervisor, an admin or an auditor.",
            )
        self._now(entity_type, entity)
        return PastOf(self._past, entity, INTEGER_MAX if self.as_of is None else self.as_of.position)

    def _now(self, entity_type: str, entity: str) -> EntityRow:
        now = self._services.log.entity(self.speaking.tenant, entity)
        if now is None or now.type != entity_type or not self._may_see(now):
            raise not_found(entity_type, entity)
        return now

    def entities(self, entity_type: str, *, after: str, limit: int) -> Stretch:
        """At most `limit` of the entities of a type behind an id."""
        rows = self._services.log.entities(
            self.speaking.tenant, entity_type, after=after, limit=limit + 1, scopes=self._scopes
        )
        return self._stretch(rows, limit)

    def everything(self, *, after: str, limit: int) -> Stretch:
        """At most `limit` of all entities behind an id; for those who see the whole tenant."""
        assert self._scopes is None, "only of the whole tenant is there an everything"
        rows = self._past.everything(sorted(ON_DEVICES), after=after, limit=limit + 1)
        return self._stretch(rows, limit)

    def _stretch(self, rows: Sequence[EntityRow], limit: int) -> Stretch:
        shown = rows[:limit]
        reached = shown[-1].entity if len(rows) > limit else None
        return Stretch(shown, reached) if self.as_of is None else self._then(shown, reached, self.as_of.position)

    def _then(self, now: Sequence[EntityRow], reached: str | None, position: int) -> Stretch:
        """As they were: without those that nobody had written yet, and no further than the request may fold."""
        ids = [row.entity for row in now]
        newest = max((row.version for row in now), default=0)
        found = stands_at(self._past, ids, position, events_max=max(self._may_fold, 1), newest=newest)
        self._may_fold -= found.folded
        rows = [each.row for each in found.of]
        return Stretch(rows, reached if found.covered == len(ids) else ids[found.covered - 1])

    def _may_see(self, row: EntityRow) -> bool:
        return self._scopes is None or row.scope in self._scopes


def scopes_of(speaking: Principal, services: Services) -> list[str] | None:
    """The scopes that somebody sees today; None: all."""
    if sees_everything(speaking.role):
        return None
    head = services.log.head(speaking.tenant).position
    return [EVERYBODYS, *(row.scope for row in services.log.scopes(speaking.tenant, speaking.person, at=head))]


def moment_of(text: str, speaking: Principal, services: Services) -> AsOf:
    """The moment that a request names; raises Problem."""
    head = services.log.head(speaking.tenant).position
    try:
        return as_of(text, services.log.past(speaking.tenant), head=head, now_ms=services.now_ms())
    except AsOfUnreadable as why:
        raise _no_moment(
            "as-of-unreadable",
            why.detail,
            "Send a position such as 880, or a time such as 2026-01-01T12:00:00Z; write the `+` of a zone as %2B.",
        ) from None
    except AsOfAhead as why:
        raise _no_moment("as-of-ahead", why.detail, "Leave `as_of` out to see what is there now.") from None
    except AsOfBeforeBeginning as why:
        raise _no_moment(
            "as-of-before-beginning", why.detail, "Name a moment at which something was recorded."
        ) from None


def _no_moment(kind: str, detail: str, hint: str) -> Problem:
    return Problem(PROBLEM_TYPES[kind].status, kind, f"{detail[:1].upper()}{detail[1:]}.", hint=hint)


def not_found(entity_type: str, entity: str) -> Problem:
    """The same answer for what is not here and for what is not theirs, so that nobody finds out which there is."""
    return Problem(
        HTTPStatus.NOT_FOUND,
        "entity-not-found",
        f"There is no {entity_type} {entity}.",
        hint="Check the id, or wait until the device that created it has handed it in.",
    )


def not_there_yet(entity_type: str, entity: str, moment: AsOf) -> Problem:
    """It is theirs to see, and nobody had written it by then."""
    return Problem(
        HTTPStatus.NOT_FOUND,
        "entity-not-found",
        f"There was no {entity_type} {entity} at position {moment.position}.",
        hint="Ask for a later moment: its history says when it was created.",
    )
