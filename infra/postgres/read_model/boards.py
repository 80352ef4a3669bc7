"""What the office and technicians look at: the board, a day, a thing's history, and what waits for somebody."""

from typing import Final

from infra.postgres.read_model.view import ASIDE, CUSTOMER, JOB, NEXT, PERSON, SITE, VISIT, Shown, View

WORK_BOARD: Final = View(
    name="work_board",
    comment="Every job that is not over: what it is, how urgent, for whom, and who goes there next.",
    columns=(
        Shown("work_order_id", "text", "job.id", "Id of the job."),
        JOB.field("number", "What people call it."),
        JOB.field("title", "What is to be done."),
        JOB.field("kind", "What kind of job it is."),
        JOB.field("priority", "How urgent it is."),
        JOB.field("status", "Where it stands."),
        JOB.field("due_at", "By when it is to be done."),
        JOB.field("opened_at", "When it was opened."),
        JOB.field("customer_id", "For whom."),
        CUSTOMER.field("name", "The customer's name.", name="customer_name"),
        JOB.field("site_id", "Where."),
        SITE.field("name", "The site's name.", name="site_name"),
        SITE.field("address", "The site's address.", name="site_address"),
        SITE.field("position", "Where on earth it is.", name="site_position"),
        Shown("visit_id", "text", "next.id", "The next visit that is not over; null: none is planned."),
        NEXT.field("status", "Where that visit stands.", name="visit_status"),
        NEXT.field("planned_start", "When it starts."),
        NEXT.field("planned_end", "When it ends."),
        NEXT.field("assignee_id", "Who goes there."),
        PERSON.field("name", "Their name.", name="assignee_name"),
        Shown("conflicts", "bigint", "job.conflicts", "How many of the job's fields wait for a person to decide."),
        Shown("changed_at", "timestamptz", "job.changed_at", "When the job was last changed."),
        Shown("log_position", "bigint", "job.log_position", "Position of the job's newest event."),
    ),
    tenant="job.tenant",
    source="""
        from work_order as job
        left join customer on customer.tenant = job.tenant and customer.id = job.customer_id
        left join site on site.tenant = job.tenant and site.id = job.site_id
        left join lateral (
            select id, status, planned_start, planned_end, assignee_id from visit
            where visit.tenant = job.tenant and visit.work_order_id = job.id
              and visit.status not in ('done', 'declined', 'cancelled') and not visit.archived
            order by visit.planned_start, visit.id limit 1) as next on true
        left join person on person.tenant = job.tenant and person.id = next.assignee_id
        where job.status not in ('closed', 'cancelled') and not job.archived
    """,
)

TECHNICIAN_DAY: Final = View(
    name="technician_day",
    comment="Who goes where, and when: one row for each person on each visit that was not cancelled or declined.",
    columns=(
        Shown("person_id", "text", "named.person_id", "Who."),
        PERSON.field("name", "Their name.", name="person_name"),
        Shown("planned_start", "timestamptz", "named.planned_start", "When the visit starts; ask for days by it."),
        VISIT.field("planned_end", "When it ends."),
        VISIT.field("sequence", "Which comes first, where the times leave it open."),
        Shown("part", "text", "named.part", "As what they go: assignee or crew."),
        Shown("visit_id", "text", "visit.id", "Id of the visit."),
        VISIT.field("status", "Where it stands.", name="visit_status"),
        VISIT.field("travel_started_at", "When they set out."),
        VISIT.field("arrived_at", "When they arrived."),
        VISIT.field("finished_at", "When they were done."),
        VISIT.field("outcome", "What came of it."),
        Shown("work_order_id", "text", "job.id", "Id of the job."),
        JOB.field("number", "What people call the job."),
        JOB.field("title", "What is to be done."),
        JOB.field("kind", "What kind of job it is."),
        JOB.field("priority", "How urgent it is."),
        CUSTOMER.field("name", "For whom.", name="customer_name"),
        JOB.field("site_id", "Id of the site."),
        SITE.field("name", "Where.", name="site_name"),
        SITE.field("address", "The site's address.", name="site_address"),
        SITE.field("position", "Where on earth it is.", name="site_position"),
        SITE.field("timezone", "The time zone there.", name="site_timezone"),
        SITE.field("hazards", "What to beware of there."),
        Shown("conflicts", "bigint", "visit.conflicts", "How many of the visit's fields wait for a person to decide."),
    ),
    tenant="named.tenant",
    source="""
        from visit_person as named
        join visit on visit.tenant = named.tenant and visit.id = named.visit_id
        left join work_order as job on job.tenant = named.tenant and job.id = visit.work_order_id
        left join customer on customer.tenant = named.tenant and customer.id = job.customer_id
        left join site on site.tenant = named.tenant and site.id = job.site_id
        left join person on person.tenant = named.tenant and person.id = named.person_id
        where visit.status not in ('declined', 'cancelled') and not visit.archived
    """,
)

ASSET_HISTORY: Final = View(
    name="asset_history",
    comment="What happened to each asset: what was said of itself, its meter readings, and the jobs and visits that "
    "were about it.",
    columns=(
        Shown("asset_id", "text", "about.asset_id", "Which asset."),
        Shown("position", "bigint", "told.position", "Position of the event."),
        Shown("fact", "text", "told.fact", "What happened, such as `MeterRead`."),
        Shown("entity_type", "text", "told.entity_type", "What was told of: the asset, a reading, a job, a visit."),
        Shown("entity_id", "text", "told.entity_id", "Which one."),
        Shown("fields", "text[]", "told.fields", "The fields that were written, by name."),
        Shown("actor_id", "text", "told.actor_id", "Who answers for it."),
        Shown("authored_at", "timestamptz", "told.authored_at", "When it was written, as the author's clock said."),
        Shown("recorded_at", "timestamptz", "told.recorded_at", "When it arrived, by the server's clock."),
    ),
    tenant="about.tenant",
    source="""
        from (
            select tenant, id as asset_id, id as entity_id from asset
            union all
            select tenant, asset_id, id from meter_reading
            union all
            select tenant, asset_id, work_order_id from work_order_asset
            union all
            select named.tenant, named.asset_id, visit.id
            from work_order_asset as named
            join visit on visit.tenant = named.tenant and visit.work_order_id = named.work_order_id
        ) as about
        join audit_trail as told on told.tenant = about.tenant and told.entity_id = about.entity_id
    """,
)

CONFLICT_INBOX: Final = View(
    name="conflict_inbox",
    comment="What waits for a person to decide, with the job that it belongs to.",
    columns=(
        Shown("entity_id", "text", "open.entity_id", "Which entity it is about."),
        Shown("entity_type", "text", "open.entity_type", "What kind of thing that is."),
        Shown("field", "text", "open.field", "Which of its fields."),
        Shown("reason", "text", "open.reason", "Why a person is asked."),
        Shown("began_at", "timestamptz", "open.began_at", "When the second of its sides was written."),
        Shown("sides", "text[]", "open.sides", "The event of each side, as `<replica>/<seq>`."),
        Shown("shown", "jsonb", "open.shown", "What is shown meanwhile.", personal=True),
        Shown("written", "jsonb", "open.written", "What each side wrote, in the order of `sides`.", personal=True),
        Shown("home_scope", "text", "open.home_scope", "The scope that the entity lives in."),
        Shown("work_order_id", "text", "job.id", "The job that it belongs to; null: to none."),
        JOB.field("title", "What is to be done there."),
        JOB.field("site_id", "Where."),
    ),
    tenant="open.tenant",
    source="""
        from open_conflict as open
        left join work_order as job on job.tenant = open.tenant and open.home_scope = 'work_order:' || job.id
            and job.id = split_part(open.home_scope, ':', 2)
    """,
)

QUARANTINE: Final = View(
    name="quarantine",
    comment="What was handed in and set aside, until somebody decides what becomes of it, and after.",
    columns=(
        Shown("case_id", "text", "aside.id", "Id of the case."),
        ASIDE.field("replica", "On which replica the event was written."),
        ASIDE.field("seq", "Its place among what that replica authored."),
        ASIDE.field("author_id", "Who handed it in."),
        PERSON.field("name", "Their name.", name="author_name"),
        ASIDE.field("code", "Why it was set aside, as a problem type."),
        ASIDE.field("text", "Why, in words."),
        ASIDE.field("status", "What has become of it."),
        ASIDE.field("owner_id", "Who looks after it."),
        ASIDE.field("settled_by_id", "Who decided."),
        Shown("opened_at", "timestamptz", "aside.created_at", "When it was set aside."),
        Shown("changed_at", "timestamptz", "aside.changed_at", "When something last became of it."),
    ),
    tenant="aside.tenant",
    source="""
        from "case" as aside
        left join person on person.tenant = aside.tenant and person.id = aside.author_id
    """,
)

SYNC_HEALTH: Final = View(
    name="sync_health",
    comment="When each replica was last heard of and how its clock went. What a device has not handed in yet only the "
    "device knows: of that the server can say no more than how long it has heard nothing.",
    columns=(
        Shown("replica", "text", "heard.replica", "A device's storage, or the server's own for whoever orders."),
        Shown("actor_id", "text", "heard.actor_id", "Who answers for its newest event."),
        PERSON.field("name", "Their name.", name="actor_name"),
        Shown("last_seq", "bigint", "heard.last_seq", "How many events it had authored by then."),
        Shown("last_position", "bigint", "heard.last_position", "Position of its newest event."),
        Shown("authored_at", "timestamptz", "heard.authored_at", "When that was written, as its clock said."),
        Shown("recorded_at", "timestamptz", "heard.recorded_at", "When that arrived, by the server's clock."),
        Shown("delay_ms", "bigint", "heard.delay_ms", "From the one to the other; below zero: its clock is ahead."),
        Shown("seen_position", "bigint", "heard.seen_position", "Up to which position it had read."),
    ),
    tenant="heard.tenant",
    source="""
        from replica_heard as heard
        left join person on person.tenant = heard.tenant and person.id = heard.actor_id
    """,
)
