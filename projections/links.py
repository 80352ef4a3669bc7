"""Who and what is named in a set, one row for each: what a job is about, and who goes on a trip."""

from typing import Final

from projections.projection import Column, OfEntities, Row, Subject


def _assets(subject: Subject) -> list[Row]:
    return [(subject.id, asset) for asset in subject.values.get("assets", ())]


WORK_ORDER_ASSET: Final = OfEntities(
    name="work_order_asset",
    comment="The assets that a job is about, one row for each.",
    columns=(
        Column("work_order_id", "text", "Id of the job."),
        Column("asset_id", "text", "Id of the asset.", shows=("work_order", "assets")),
    ),
    key=("work_order_id", "asset_id"),
    indexes=(("asset_id",),),
    types=frozenset({"work_order"}),
    rows=_assets,
)


def _people(subject: Subject) -> list[Row]:
    told = subject.values
    assignee, start = told.get("assignee_id"), told.get("planned_start")
    named = dict.fromkeys(told.get("crew", ()), "crew") | ({assignee: "assignee"} if assignee else {})
    return [(subject.id, person, role, start) for person, role in sorted(named.items())]


VISIT_PERSON: Final = OfEntities(
    name="visit_person",
    comment="Who goes on a trip, one row for each.",
    columns=(
        Column("visit_id", "text", "Id of the visit."),
        Column("person_id", "text", "Id of the person."),
        Column("part", "text", "As what: assignee or crew."),
        Column("planned_start", "timestamptz", "When the visit is planned to start.", nullable=True),
    ),
    key=("visit_id", "person_id"),
    indexes=(("person_id", "planned_start"),),
    types=frozenset({"visit"}),
    rows=_people,
)
