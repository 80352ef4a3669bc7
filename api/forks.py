"""That two told something else under one number is noted: an honest clone goes on under another name, a forger does not
come back, and in both cases somebody may want to know."""

from collections.abc import Sequence

from fastapi import Request

from api.services import Services
from api.signing_in import note
from commands.authority import Principal
from sync.push import Answer
from sync.verdict import Received

KIND = "replica_forked"


def note_fork(
    request: Request, batch: Sequence[Received], answer: Answer, speaking: Principal, services: Services
) -> None:
    """Keep in the audit what came and what was here, before whoever sent it is told; raises LogUnavailable."""
    if services.identity is None or answer.batch != "forked":
        return
    came = next(each for each in batch if each.link.seq == answer.seq)
    note(
        request,
        services.identity,
        speaking.tenant,
        KIND,
        actor=speaking.person,
        device=speaking.device,
        session=speaking.session,
        detail=f"{came.link.replica} {answer.seq}: came {came.hash}, is {answer.hash or 'told by another replica'}",
    )
