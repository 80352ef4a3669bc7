"""`cairn projections what-if`: which past conflicts would have gone otherwise had a field another merge policy."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.projections import AsJson, Data, TenantNamed, opened, tenants_of

if TYPE_CHECKING:
    from domain.entity import EntityType
    from domain.merge_policy import MergePolicy
    from projections.what_if import Meeting

SHOWN_MAX = 20


def what_if(
    *,
    entity_type: Annotated[str, typer.Option(help="What kind of thing, such as work_order.")],
    field: Annotated[str, typer.Option(help="Which of its fields, such as title.")],
    policy: Annotated[str, typer.Option(help="The policy to try: latest, ask or once.")],
    tenant: TenantNamed = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Try another merge policy on what has happened: nothing is written, and every log stays as it is."""
    from infra.postgres.read_model.histories import histories
    from projections.what_if import meetings

    declared, then = _tried(entity_type, field, policy)
    now = declared.fields[field].policy
    met: list[tuple[str, Meeting]] = []
    with opened(data) as (_, pool):
        for each, name in tenants_of(pool, tenant):
            for history in histories(pool, each, [entity_type]):
                met += [(name, meeting) for meeting in meetings(history, field, now, then)]
    told = _told(met)
    if as_json:
        print(json.dumps({"entity_type": entity_type, "field": field, "policy": policy, **told}))
        return
    typer.echo(
        f"Writes of {entity_type}.{field} met {told['met']} times; {told['otherwise']} of them would have gone "
        f"otherwise with `{policy}`, {told['against_the_decision']} of those against what people decided."
    )
    for case in told["cases"][:SHOWN_MAX]:
        decided = f", and {case['decided']!r} was decided" if case["is_decided"] else ""
        typer.echo(
            f"  {case['entity']} at position {case['position']}: {' | '.join(map(repr, case['written']))}: "
            f"shows {case['now']['shown']!r}{_asking(case['now'])} now{decided}; "
            f"{case['then']['shown']!r}{_asking(case['then'])} then"
        )
    if len(told["cases"]) > SHOWN_MAX:
        typer.echo(f"  and {len(told['cases']) - SHOWN_MAX} more: --json names all of them")


def _tried(entity_type: str, field: str, policy: str) -> "tuple[EntityType, MergePolicy]":
    from domain.catalogue import ENTITIES
    from projections.what_if import POLICIES, may_be_tried

    declared = ENTITIES.get(entity_type)
    if declared is None:
        raise CannotGoOn(f"There is nothing called {entity_type!r}. There are: {', '.join(ENTITIES)}.")
    fields = may_be_tried(declared)
    if field not in fields:
        raise CannotGoOn(
            f"The policy of {entity_type}.{field} is no matter of choice. Of {entity_type} you can try: "
            f"{', '.join(fields) or 'nothing'}."
        )
    if policy not in POLICIES:
        raise CannotGoOn(f"There is no policy {policy!r} to try. There are: {', '.join(POLICIES)}.")
    return declared, POLICIES[policy]


def _told(met: "list[tuple[str, Meeting]]") -> dict[str, Any]:
    otherwise = [(name, each) for name, each in met if each.goes_otherwise]
    return {
        "met": len(met),
        "otherwise": len(otherwise),
        "against_the_decision": sum(each.is_against_the_decision for _, each in otherwise),
        "cases": [
            {
                "tenant": name,
                **each._asdict(),
                "now": each.now._asdict(),
                "then": each.then._asdict(),
                "is_against_the_decision": each.is_against_the_decision,
            }
            for name, each in otherwise
        ],
    }


def _asking(outcome: dict[str, Any]) -> str:
    return " and asks" if outcome["asks"] else ""
