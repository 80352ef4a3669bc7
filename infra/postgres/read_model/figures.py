"""Figures: how fast, how well and at what cost the work is done, as sums over one row for each job and each visit."""

from typing import Final

from infra.postgres.read_model.view import JOB, VISIT, Shown, View

JOB_FACTS: Final = View(
    name="job_facts",
    comment="One row for each job: how long it took, whether one visit was enough, and what the parts cost.",
    columns=(
        Shown("work_order_id", "text", "job.id", "Id of the job."),
        JOB.field("kind", "What kind of job it is."),
        JOB.field("priority", "How urgent it is."),
        JOB.field("status", "Where it stands."),
        JOB.field("outcome", "What came of it."),
        JOB.field("customer_id", "For whom."),
        JOB.field("site_id", "Where."),
        Shown("technician_id", "text", "done.technician_id", "Who was sent on the first visit that was done."),
        JOB.field("opened_at", "When it was opened."),
        Shown("arrived_at", "timestamptz", "done.arrived_at", "When somebody first arrived."),
        JOB.field("completed_at", "When the work was done."),
        JOB.field("due_at", "By when it was to be done."),
        Shown(
            "week",
            "date",
            "date_trunc('week', job.completed_at at time zone 'UTC')::date",
            "The Monday of the week in which the work was done, in UTC.",
        ),
        Shown(
            "response_s",
            "bigint",
            "extract(epoch from done.arrived_at - job.opened_at)::bigint",
            "Seconds from when it was opened until somebody arrived.",
        ),
        Shown(
            "completion_s",
            "bigint",
            "extract(epoch from job.completed_at - job.opened_at)::bigint",
            "Seconds from when it was opened until the work was done.",
        ),
        Shown(
            "is_on_time",
            "boolean",
            "job.completed_at <= job.due_at",
            "Whether the work was done by when it was due; null: it is not done, or was never due.",
        ),
        Shown("visits_done", "bigint", "coalesce(done.visits, 0)", "How many visits were done."),
        Shown(
            "is_fixed_first_time",
            "boolean",
            "case when job.completed_at is not null then "
            "coalesce(job.outcome = 'resolved' and done.visits = 1 and job.reopen_reason is null, false) end",
            "Whether one visit was enough: the job is resolved and was never reopened; null: it is not done.",
        ),
        Shown("time_on_site_s", "bigint", "done.time_on_site_s", "Seconds on site of all visits that were done."),
        Shown(
            "parts_cost",
            "numeric",
            "case when used.currencies <= 1 then used.cost end",
            "What the parts cost at today's prices; null: none was used, or they are priced in several currencies.",
        ),
        Shown("currency", "text", "case when used.currencies <= 1 then used.currency end", "In which currency."),
    ),
    tenant="job.tenant",
    source="""
        from work_order as job
        left join (
            select tenant, work_order_id, count(*) as visits, min(arrived_at) as arrived_at,
                   sum(greatest(extract(epoch from finished_at - arrived_at), 0))::bigint as time_on_site_s,
                   (array_agg(assignee_id order by finished_at, id))[1] as technician_id
            from visit where status = 'done' and not archived group by tenant, work_order_id
        ) as done on done.tenant = job.tenant and done.work_order_id = job.id
        left join (
            select part_use.tenant, part_use.work_order_id, sum(part_use.quantity * part.unit_cost) as cost,
                   count(distinct part.currency) as currencies, min(part.currency) as currency
            from part_use join part on part.tenant = part_use.tenant and part.id = part_use.part_id
            where not part_use.archived group by part_use.tenant, part_use.work_order_id
        ) as used on used.tenant = job.tenant and used.work_order_id = job.id
        where not job.archived
    """,
)

VISIT_FACTS: Final = View(
    name="visit_facts",
    comment="One row for each visit that was done: by whom, where, and how long it took.",
    columns=(
        Shown("visit_id", "text", "visit.id", "Id of the visit."),
        VISIT.field("work_order_id", "Id of the job."),
        JOB.field("kind", "What kind of job it is."),
        JOB.field("site_id", "Where."),
        VISIT.field("assignee_id", "Who was sent.", name="technician_id"),
        VISIT.field("outcome", "What came of it."),
        VISIT.field("finished_at", "When it was done."),
        Shown(
            "week",
            "date",
            "date_trunc('week', visit.finished_at at time zone 'UTC')::date",
            "The Monday of the week in which it was done, in UTC.",
        ),
        Shown(
            "travel_s",
            "bigint",
            "case when visit.arrived_at > visit.travel_started_at "
            "then extract(epoch from visit.arrived_at - visit.travel_started_at)::bigint "
            "when visit.arrived_at <= visit.travel_started_at then 0 end",
            "Seconds on the way; null: it was not observed.",
        ),
        Shown(
            "time_on_site_s",
            "bigint",
            "case when visit.finished_at > visit.arrived_at "
            "then extract(epoch from visit.finished_at - visit.arrived_at)::bigint "
            "when visit.finished_at <= visit.arrived_at then 0 end",
            "Seconds on site; null: the arrival was not observed.",
        ),
    ),
    tenant="visit.tenant",
    source="""
        from visit
        left join work_order as job on job.tenant = visit.tenant and job.id = visit.work_order_id
        where visit.status = 'done' and not visit.archived
    """,
)

_PER: Final = (
    Shown("week", "date", "fact.week", "The Monday of the week in which the work was done, in UTC."),
    Shown("kind", "text", "fact.kind", "What kind of job."),
    Shown("technician_id", "text", "fact.technician_id", "Who did it."),
    Shown("site_id", "text", "fact.site_id", "Where."),
)

SERVICE_LEVELS: Final = View(
    name="service_levels",
    comment="How fast, how well and at what cost jobs were done, per week, kind, technician and site. Every figure is "
    "a count or a sum, so that rows can be added up to whatever is asked for.",
    columns=(
        *_PER,
        Shown("jobs", "bigint", "count(*)", "Jobs that were done."),
        Shown("responded", "bigint", "count(fact.response_s)", "Those of which it is known when somebody arrived."),
        Shown("response_s", "bigint", "sum(fact.response_s)::bigint", "Seconds until somebody arrived, of those."),
        Shown("completion_s", "bigint", "sum(fact.completion_s)::bigint", "Seconds until the work was done, of all."),
        Shown("due", "bigint", "count(fact.is_on_time)", "Jobs that were due at some time."),
        Shown("on_time", "bigint", "count(*) filter (where fact.is_on_time)", "Those of them that were done by then."),
        Shown(
            "fixed_first_time",
            "bigint",
            "count(*) filter (where fact.is_fixed_first_time)",
            "Jobs that one visit was enough for.",
        ),
        Shown("time_on_site_s", "bigint", "sum(fact.time_on_site_s)::bigint", "Seconds on site, of all visits."),
        Shown("parts_cost", "numeric", "sum(fact.parts_cost)", "What the parts cost, in `currency`."),
        Shown("currency", "text", "fact.currency", "The currency of the parts; rows are apart by it."),
    ),
    tenant="fact.tenant",
    source="""
        from job_facts as fact
        where fact.week is not null
        group by fact.tenant, fact.week, fact.kind, fact.technician_id, fact.site_id, fact.currency
    """,
)

THROUGHPUT: Final = View(
    name="throughput",
    comment="How much was done, per week, kind, technician and site: visits, and the hours that they took.",
    columns=(
        *_PER,
        Shown("visits", "bigint", "count(*)", "Visits that were done."),
        Shown("resolved", "bigint", "count(*) filter (where fact.outcome = 'resolved')", "Those that solved it."),
        Shown("travel_s", "bigint", "sum(fact.travel_s)::bigint", "Seconds on the way, as far as observed."),
        Shown("time_on_site_s", "bigint", "sum(fact.time_on_site_s)::bigint", "Seconds on site, as far as observed."),
    ),
    tenant="fact.tenant",
    source="""
        from visit_facts as fact
        group by fact.tenant, fact.week, fact.kind, fact.technician_id, fact.site_id
    """,
)
