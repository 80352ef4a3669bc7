"""Whether an event that arrives may be said: by this role, and of an entity in this state.

Told to `sync.push.decide`, which quarantines what is refused here. What other replicas did meanwhile refuses nothing:
a move is judged by the status its author knew, and concurrent moves are the merge's business.
"""

from dataclasses import dataclass

from commands.authority import fault_in_telling, sees_everything
from domain.people import Role
from sync.desk import Judge
from sync.envelope import Event, Unacceptable
from sync.merge import State
from sync.plan import plan_of


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleJudge:
    """The judge of what somebody in this role hands in."""

    role: Role

    @property
    def is_limited(self) -> bool:
        """Whether this role writes only where it is let in."""
        return not sees_everything(self.role)

    def may_tell(self, event: Event, actor: str) -> Unacceptable | None:
        """Refuse what this role does not tell, or not in these words."""
        fault = fault_in_telling(self.role, event.entity_type, event.type, event.data, actor)
        return Unacceptable("not_allowed", fault) if fault else None

    def follows(self, event: Event, state: State | None) -> Unacceptable | None:
        """Refuse a move that its author knew to be impossible; the same for every role."""
        return judge_move(event, state)


def judge_for(role: Role) -> Judge:
    """The judge of what somebody in this role hands in."""
    return RoleJudge(role=role)


def judge_move(event: Event, state: State | None) -> Unacceptable | None:
    """Refuse a move that its author knew to be impossible."""
    plan = plan_of(event.entity_type)
    move = event.fact.move
    if state is None or move is None or plan.status is None or plan.lifecycle is None:
        return None
    known = [
        write
        for write in state.cells.get(plan.status, ())
        if write.replica == event.replica or event.clock.get(write.replica, 0) >= write.seq
    ]
    statuses = {plan.lifecycle.moves[write.value].leads_to for write in known}
    legal = plan.lifecycle.moves[move].legal_from
    if not statuses or statuses & legal or plan.lifecycle.moves[move].leads_to in statuses:
        return None
    status = " and ".join(sorted(statuses))
    return Unacceptable("illegal_move", f"{event.type} does not follow {status}; it follows {', '.join(sorted(legal))}")
