"""On which terms an application answers: whom it holds to what pace, to which pages, in which versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from api.proof import SharedWords
from api.versions import VERSIONS, Versions
from commands.quotas import QUOTAS
from commands.rate_limits import Limiter, Quota
from domain.people import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is set from outside; by default nobody is held to a pace and no page of another site may read."""

    limiter: Limiter | None = None
    """None: no rate limits."""
    quotas: Mapping[str, Quota] = field(default_factory=lambda: QUOTAS)
    origins: frozenset[str] = frozenset()
    """Other sites whose pages may call us, spelled exactly as browsers do."""
    bearers: frozenset[Role] = frozenset(get_args(Role))
    """In which roles opaque tokens are taken, which are bound to no key and speak for whoever holds them."""
    versions: Versions = VERSIONS
    words: SharedWords | None = None
    """Where all processes keep which proofs were used; None: each knows its own."""
