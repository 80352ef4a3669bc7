"""Vectors of conflicts and of what ends them: every reason for asking, every way to answer, and half an answer."""

from typing import Final

from tests.devices import CREATED, MORNING, PERSON_1, PERSON_2
from tests.vectors.spelling import Case
from tests.vectors.story import asks, edits, merge_case, tells

ABOUT: Final = (
    "What waits for a person and what ends the waiting: an ordinary event by somebody who had seen all sides."
    " The members are those of policies.json."
)
PERSON_3: Final = "01900000-0000-7000-8000-00000000a003"


def cases() -> list[Case]:
    """All of them."""
    return [*_values_differ(), *_moves_clash(), *_contested(), *_reassigned(), *_together()]


def _values_differ() -> list[Case]:
    sides = [edits("ada", {"name": "North"}, minute=1), edits("ben", {"name": "South"}, minute=2)]
    return [
        merge_case(
            "an answer that had seen both sides",
            "It is an edit like any other; because its clock covers both sides it replaces both, and the card is gone.",
            "site",
            *sides,
            edits("eve", {"name": "East"}, knowing="ada, ben", minute=0),
            values={"name": "East"},
        ),
        merge_case(
            "an answer by one of the two, who had seen the other",
            "Ada takes Ben's word: her edit replaces her own and his.",
            "site",
            *sides,
            edits("ada", {"name": "South"}, knowing="ben"),
            values={"name": "South"},
        ),
        merge_case(
            "half an answer",
            "Eve had seen Ada's side only: hers replaces that one, and stands beside Ben's.",
            "site",
            *sides,
            edits("eve", {"name": "East"}, knowing="ada", minute=3),
            values={"name": "East"},
            conflicts=[asks("name", "values_differ", ("ben 1", "South"), ("eve 1", "East"), shown="East")],
        ),
        merge_case(
            "half an answer that agrees with the other half",
            "Eve had seen Ada's side only and wrote what Ben had written: nothing is left to ask.",
            "site",
            *sides,
            edits("eve", {"name": "South"}, knowing="ada"),
            values={"name": "South"},
        ),
        merge_case(
            "an answer of one word to three sides, one of them unseen",
            "Two of three are replaced; the third and the answer are a new question.",
            "site",
            *sides,
            edits("cem", {"name": "West"}, minute=9),
            edits("eve", {"name": "East"}, knowing="ada, ben", minute=3),
            values={"name": "West"},
            conflicts=[asks("name", "values_differ", ("cem 1", "West"), ("eve 1", "East"), shown="West")],
        ),
        merge_case(
            "two answers side by side",
            "Each replaces both sides, and neither the other: that is a new card, with the two answers on it.",
            "site",
            *sides,
            edits("eve", {"name": "East"}, knowing="ada, ben", minute=3),
            edits("cem", {"name": "West"}, knowing="ada, ben", minute=4),
            values={"name": "West"},
            conflicts=[asks("name", "values_differ", ("cem 1", "West"), ("eve 1", "East"), shown="West")],
        ),
        merge_case(
            "two answers side by side that agree",
            "Two people who decided the same decided it.",
            "site",
            *sides,
            edits("eve", {"name": "East"}, knowing="ada, ben"),
            edits("cem", {"name": "East"}, knowing="ada, ben"),
            values={"name": "East"},
        ),
        merge_case(
            "an answer and a late third side",
            "Cem had seen none of it: his word and the answer are a new question.",
            "site",
            *sides,
            edits("eve", {"name": "East"}, knowing="ada, ben", minute=3),
            edits("cem", {"name": "West"}, minute=0),
            values={"name": "East"},
            conflicts=[asks("name", "values_differ", ("cem 1", "West"), ("eve 1", "East"), shown="East")],
        ),
        merge_case(
            "an answer that was overruled",
            "Ada had seen the answer and changed it: one follows the other, nobody is asked.",
            "site",
            *sides,
            edits("eve", {"name": "East"}, knowing="ada, ben"),
            edits("ada", {"name": "Gate 1"}, knowing="eve", minute=0),
            values={"name": "Gate 1"},
        ),
        merge_case(
            "one side goes on writing",
            "Ada wrote again without having heard of Ben: her newer word takes the place of her older one on the card.",
            "site",
            *sides,
            edits("ada", {"name": "Northwest"}, minute=3),
            values={"name": "Northwest"},
            conflicts=[asks("name", "values_differ", ("ada 2", "Northwest"), ("ben 1", "South"), shown="Northwest")],
        ),
        merge_case(
            "an answer that had seen only an older word of one side",
            "Eve had seen Ada's first word and Ben's, but not Ada's second, which therefore stands beside the answer.",
            "site",
            *sides,
            edits("ada", {"name": "Northwest"}, minute=3),
            edits("eve", {"name": "East"}, knowing="ada 1, ben", minute=4),
            values={"name": "East"},
            conflicts=[asks("name", "values_differ", ("ada 2", "Northwest"), ("eve 1", "East"), shown="East")],
        ),
        merge_case(
            "a conflict of Once is answered like any other",
            "Whoever had seen both witnesses says which it was.",
            "time_entry",
            tells("ada", "TimerStopped", {"stopped_at": MORNING}),
            tells("ben", "TimerStopped", {"stopped_at": "2026-01-01T18:00:00.000Z"}),
            edits("eve", {"stopped_at": MORNING}, knowing="ada, ben"),
            values={"stopped_at": MORNING},
        ),
        merge_case(
            "two fields at odds at once",
            "Each field is its own question, in the order of their names.",
            "site",
            edits("ada", {"name": "North", "access_code": "1"}, minute=1),
            edits("ben", {"name": "South", "access_code": "2"}, minute=2),
            values={"name": "South", "access_code": "2"},
            conflicts=[
                asks("access_code", "values_differ", ("ada 1", "1"), ("ben 1", "2"), shown="2"),
                asks("name", "values_differ", ("ada 1", "North"), ("ben 1", "South"), shown="South"),
            ],
        ),
        merge_case(
            "one of two fields is answered",
            "The other stays open.",
            "site",
            edits("ada", {"name": "North", "access_code": "1"}, minute=1),
            edits("ben", {"name": "South", "access_code": "2"}, minute=2),
            edits("eve", {"name": "East"}, knowing="ada, ben"),
            values={"name": "East", "access_code": "2"},
            conflicts=[asks("access_code", "values_differ", ("ada 1", "1"), ("ben 1", "2"), shown="2")],
        ),
    ]


CANCELLED: Final = {"cancel_reason": "double booking"}
DONE: Final = {"outcome": "resolved"}


def _moves_clash() -> list[Case]:
    sides = [
        tells("office", "WorkOrderOpened"),
        tells("ada", "WorkOrderCompleted", DONE, knowing="office"),
        tells("ben", "WorkOrderCancelled", CANCELLED, knowing="office"),
    ]
    clash = asks("status", "moves_clash", ("ada 1", "complete"), ("ben 1", "cancel"), shown="completed")
    return [
        merge_case(
            "cancelled while it was being done",
            "The work stands, and somebody decides whether it is billed.",
            "work_order",
            *sides,
            values={**CANCELLED, **DONE, "status": "completed"},
            conflicts=[clash],
        ),
        merge_case(
            "cancelled while it was being done, approved by one who had seen both",
            "The approval replaces both moves: it is the answer.",
            "work_order",
            *sides,
            tells("eve", "WorkOrderApproved", knowing="ada, ben"),
            values={**CANCELLED, **DONE, "status": "approved"},
        ),
        merge_case(
            "cancelled while it was being done, approved by one who had seen only the work",
            "Half an answer: the approval stands beside the cancellation, and the question stays.",
            "work_order",
            *sides,
            tells("eve", "WorkOrderApproved", knowing="ada"),
            values={**CANCELLED, **DONE, "status": "approved"},
            conflicts=[asks("status", "moves_clash", ("ben 1", "cancel"), ("eve 1", "approve"), shown="approved")],
        ),
        merge_case(
            "cancelled while it was being done, and again by one who had seen both",
            "The decision may also be the lower move: what was seen is replaced, whatever its rank.",
            "work_order",
            *sides,
            tells("eve", "WorkOrderCancelled", CANCELLED, knowing="ada, ben"),
            values={**CANCELLED, **DONE, "status": "cancelled"},
        ),
        merge_case(
            "an edit that had seen both moves answers nothing",
            "Only a move answers moves.",
            "work_order",
            *sides,
            edits("eve", {"title": "Pump drips"}, knowing="ada, ben"),
            values={**CANCELLED, **DONE, "status": "completed", "title": "Pump drips"},
            conflicts=[clash],
        ),
        merge_case(
            "completed by two with different outcomes",
            "One completion with two witnesses; what differs is what they found, so the outcome is asked about.",
            "work_order",
            tells("ada", "WorkOrderCompleted", {"outcome": "resolved"}, minute=1),
            tells("ben", "WorkOrderCompleted", {"outcome": "no_access"}, minute=2),
            values={"outcome": "no_access", "status": "completed"},
            conflicts=[
                asks("outcome", "values_differ", ("ada 1", "resolved"), ("ben 1", "no_access"), shown="no_access")
            ],
        ),
        merge_case(
            "three moves, of which two clash",
            "All three are on the card; the highest rank is shown.",
            "work_order",
            tells("ada", "WorkOrderStarted", minute=1),
            tells("ben", "WorkOrderCancelled", CANCELLED, minute=3),
            tells("eve", "WorkOrderScheduled", minute=2),
            values={**CANCELLED, "status": "in_progress"},
            conflicts=[
                asks(
                    "status",
                    "moves_clash",
                    *(("ada 1", "start"), ("ben 1", "cancel"), ("eve 1", "schedule")),
                    shown="in_progress",
                )
            ],
        ),
        merge_case(
            "a visit finished by two devices",
            "The earliest moment stands, the other is a witness, and since they differ a person is asked.",
            "visit",
            tells("ada", "VisitFinished", {**DONE, "finished_at": MORNING}, minute=1),
            tells("ben", "VisitFinished", {**DONE, "finished_at": "2026-01-01T09:00:00.000Z"}, minute=2),
            values={**DONE, "finished_at": MORNING, "status": "done"},
            conflicts=[
                asks(
                    "finished_at",
                    "values_differ",
                    *(("ada 1", MORNING), ("ben 1", "2026-01-01T09:00:00.000Z")),
                    shown=MORNING,
                )
            ],
        ),
        merge_case(
            "a move that follows stands whatever its rank",
            "Reopened ranks highest among concurrent moves; a start that knew of it comes after it all the same.",
            "work_order",
            tells("ada", "WorkOrderCompleted", DONE),
            tells("ada", "WorkOrderReopened", {"reopen_reason": "drips"}),
            tells("ben", "WorkOrderStarted", knowing="ada", minute=0),
            values={**DONE, "reopen_reason": "drips", "status": "in_progress"},
        ),
        merge_case(
            "a move that is not legal where it lands is merged all the same",
            "Approved straight from draft: whether a move is legal is asked when it is commanded; merging is total.",
            "work_order",
            tells("ada", "WorkOrderApproved"),
            values={"status": "approved"},
        ),
        merge_case(
            "a device revoked twice",
            "A lifecycle without questions.",
            "device",
            tells("ada", "DeviceRevoked"),
            tells("ben", "DeviceRevoked"),
            values={"status": "revoked"},
        ),
    ]


def _contested() -> list[Case]:
    closed = [tells("office", "WorkOrderApproved"), tells("ada", "WorkOrderClosed", knowing="office")]
    archived = tells("ada", "Archived")
    return [
        merge_case(
            "closed beside a late edit of a technician",
            "Closed and flagged late: the edit is in, and somebody decides whether the job must be looked at again.",
            "work_order",
            *closed,
            edits("ben", {"resolution": "new seal"}),
            values={"resolution": "new seal", "status": "closed"},
            conflicts=[asks("status", "contested", ("ada 1", "close"), ("ben 1", ...), shown="closed")],
        ),
        merge_case(
            "closed beside two late edits of one technician and one of another",
            "Of each replica the latest contesting event is named.",
            "work_order",
            *closed,
            edits("ben", {"resolution": "new seal"}),
            edits("ben", {"resolution": "new seal and valve"}),
            edits("eve", {"tags": {"add": ["late"]}}),
            values={"resolution": "new seal and valve", "tags": ["late"], "status": "closed"},
            conflicts=[asks("status", "contested", ("ada 1", "close"), ("ben 2", ...), ("eve 1", ...), shown="closed")],
        ),
        merge_case(
            "closed in the knowledge of the edit",
            "The closer had seen it: nothing is late.",
            "work_order",
            edits("ben", {"resolution": "new seal"}),
            tells("ada", "WorkOrderClosed", knowing="ben"),
            values={"resolution": "new seal", "status": "closed"},
        ),
        merge_case(
            "edited in the knowledge of the closing",
            "Whoever edits a closed job knows what they do; the merge has nothing to ask.",
            "work_order",
            *closed,
            edits("ben", {"resolution": "new seal"}, knowing="ada"),
            values={"resolution": "new seal", "status": "closed"},
        ),
        merge_case(
            "a late edit is settled by closing again",
            "Who closes it having seen the late edit has answered.",
            "work_order",
            *closed,
            edits("ben", {"resolution": "new seal"}),
            tells("eve", "WorkOrderClosed", knowing="ada, ben"),
            values={"resolution": "new seal", "status": "closed"},
        ),
        merge_case(
            "a late edit is settled by reopening",
            "The other answer.",
            "work_order",
            *closed,
            edits("ben", {"resolution": "new seal"}),
            tells("eve", "WorkOrderReopened", {"reopen_reason": "new seal"}, knowing="ada, ben"),
            values={"resolution": "new seal", "reopen_reason": "new seal", "status": "open"},
        ),
        merge_case(
            "closed twice side by side, beside a late edit",
            "The two closings agree with each other and each is contested by the edit.",
            "work_order",
            *closed,
            tells("eve", "WorkOrderClosed", knowing="office"),
            edits("ben", {"resolution": "new seal"}),
            values={"resolution": "new seal", "status": "closed"},
            conflicts=[
                asks("status", "contested", ("ada 1", "close"), ("ben 1", ...), shown="closed"),
                asks("status", "contested", ("eve 1", "close"), ("ben 1", ...), shown="closed"),
            ],
        ),
        merge_case(
            "closed beside an edit that the second closer had seen",
            "Eve's closing saw the edit and is not contested; Ada's is.",
            "work_order",
            *closed,
            edits("ben", {"resolution": "new seal"}),
            tells("eve", "WorkOrderClosed", knowing="office, ben"),
            values={"resolution": "new seal", "status": "closed"},
            conflicts=[asks("status", "contested", ("ada 1", "close"), ("ben 1", ...), shown="closed")],
        ),
        merge_case(
            "archived beside an edit",
            "Not archived, and a person is asked: what somebody still works on does not go out of sight.",
            "site",
            archived,
            edits("ben", {"name": "South"}),
            values={"archived": False, "name": "South"},
            conflicts=[asks("archived", "contested", ("ada 1", True), ("ben 1", ...), shown=False)],
        ),
        merge_case(
            "archived beside a set edit",
            "Any event contests it, also one whose field never asks.",
            "site",
            archived,
            edits("ben", {"tags": {"add": ["wet"]}}),
            values={"archived": False, "tags": ["wet"]},
            conflicts=[asks("archived", "contested", ("ada 1", True), ("ben 1", ...), shown=False)],
        ),
        merge_case(
            "archived beside a delta of a sum",
            "Also one of which no write is kept.",
            "part_use",
            archived,
            edits("ben", {"quantity": "1"}),
            values={"archived": False, "quantity": "3"},
            conflicts=[asks("archived", "contested", ("ada 1", True), ("ben 1", ...), shown=False)],
        ),
        merge_case(
            "archived beside a move",
            "A visit that somebody is on the way to stays in sight.",
            "visit",
            archived,
            tells("ben", "VisitTravelStarted"),
            values={"archived": False, "status": "travelling"},
            conflicts=[asks("archived", "contested", ("ada 1", True), ("ben 1", ...), shown=False)],
        ),
        merge_case(
            "archived beside archived",
            "They agree.",
            "site",
            archived,
            tells("ben", "Archived"),
            values={"archived": True},
        ),
        merge_case(
            "archived in the knowledge of the edit",
            "The one who archived had seen it.",
            "site",
            edits("ben", {"name": "South"}),
            tells("ada", "Archived", knowing="ben"),
            values={"archived": True, "name": "South"},
        ),
        merge_case(
            "edited in the knowledge of the archiving",
            "It stays archived: who edits what is archived does not bring it back by that.",
            "site",
            archived,
            edits("ben", {"name": "South"}, knowing="ada"),
            values={"archived": True, "name": "South"},
        ),
        merge_case(
            "archived and then edited by the same",
            "One's own later edit contests nothing.",
            "site",
            archived,
            edits("ada", {"name": "North"}),
            values={"archived": True, "name": "North"},
        ),
        merge_case(
            "archived and then edited by the same, whose clock does not name itself",
            "One's own later edit contests nothing, whether or not its clock says what everybody knows.",
            "site",
            archived,
            edits("ada", {"name": "North"}, modest=True),
            values={"archived": True, "name": "North"},
        ),
        merge_case(
            "edited and then archived by the same, whose clock does not name itself",
            "Nor does one's own earlier edit.",
            "site",
            edits("ada", {"name": "North"}),
            tells("ada", "Archived", modest=True),
            values={"archived": True, "name": "North"},
        ),
        merge_case(
            "archived beside an edit, then archived by one who had seen both",
            "That is the answer.",
            "site",
            archived,
            edits("ben", {"name": "South"}),
            tells("eve", "Archived", knowing="ada, ben"),
            values={"archived": True, "name": "South"},
        ),
        merge_case(
            "archived beside an edit, then restored by one who had seen both",
            "The other answer.",
            "site",
            archived,
            edits("ben", {"name": "South"}),
            tells("eve", "Restored", knowing="ada, ben"),
            values={"archived": False, "name": "South"},
        ),
        merge_case(
            "archived twice side by side, one of them in the knowledge of the edit",
            "That Eve knew of the edit and wanted it archived all the same answers nothing for Ada, who did not.",
            "site",
            edits("ben", {"name": "South"}),
            archived,
            tells("eve", "Archived", knowing="ben"),
            values={"archived": False, "name": "South"},
            conflicts=[asks("archived", "contested", ("ada 1", True), ("ben 1", ...), shown=False)],
        ),
        merge_case(
            "archived beside an edit whose author then archives, knowing of nobody",
            "Ben edited it and put it away himself: in the end they agree, and nobody is asked.",
            "site",
            archived,
            edits("ben", {"name": "South"}),
            tells("ben", "Archived"),
            values={"archived": True, "name": "South"},
        ),
        merge_case(
            "restored beside an archiving again",
            "In sight, and asked twice: the values differ, and the archiving is contested.",
            "site",
            tells("office", "Archived"),
            tells("ada", "Archived", knowing="office", minute=9),
            tells("ben", "Restored", knowing="office", minute=8),
            values={"archived": False},
            conflicts=[
                asks("archived", "values_differ", ("ada 1", True), ("ben 1", False), shown=False),
                asks("archived", "contested", ("ada 1", True), ("ben 1", ...), shown=False),
            ],
        ),
        merge_case(
            "archived beside a restoring and an edit",
            "The edit contests the archiving; the restoring that met it is contested by nobody, whichever came first.",
            "site",
            tells("office", "Archived"),
            tells("ada", "Archived", knowing="office"),
            tells("ben", "Restored", knowing="office"),
            edits("eve", {"directions": "left"}, knowing="office"),
            values={"archived": False, "directions": "left"},
            conflicts=[
                asks("archived", "values_differ", ("ada 1", True), ("ben 1", False), shown=False),
                asks("archived", "contested", ("ada 1", True), ("ben 1", ...), ("eve 1", ...), shown=False),
            ],
        ),
        merge_case(
            "restored by one who had seen the archiving",
            "One follows the other.",
            "site",
            archived,
            tells("ben", "Restored", knowing="ada", minute=0),
            values={"archived": False},
        ),
        merge_case(
            "archived by one who had seen half of what others told",
            "Ben's first edit was seen, his second was not.",
            "site",
            edits("ben", {"name": "South"}),
            edits("ben", {"directions": "left"}),
            tells("ada", "Archived", knowing="ben 1"),
            values={"archived": False, "name": "South", "directions": "left"},
            conflicts=[asks("archived", "contested", ("ada 1", True), ("ben 2", ...), shown=False)],
        ),
        merge_case(
            "archived and closed beside one edit",
            "Two fields are contested by the same event, in the order of their names.",
            "work_order",
            tells("ada", "WorkOrderClosed"),
            tells("ada", "Archived"),
            edits("ben", {"title": "Pump drips"}),
            values={"archived": False, "title": "Pump drips", "status": "closed"},
            conflicts=[
                asks("archived", "contested", ("ada 2", True), ("ben 1", ...), shown=False),
                asks("status", "contested", ("ada 1", "close"), ("ben 1", ...), shown="closed"),
            ],
        ),
    ]


def _reassigned() -> list[Case]:
    given = {"assignee_id": PERSON_1}
    reassigned = tells("ada", "VisitReassigned", {"assignee_id": PERSON_2})
    travels = tells("ben", "VisitTravelStarted")
    card = asks("assignee_id", "reassigned_under_way", ("ada 1", PERSON_2), ("ben 1", "travel"), shown=PERSON_2)
    return [
        merge_case(
            "reassigned while on the way",
            "The status stays, both names are kept, and somebody calls one of them.",
            "visit",
            reassigned,
            travels,
            created=given,
            values={"assignee_id": PERSON_2, "status": "travelling"},
            conflicts=[card],
        ),
        merge_case(
            "reassigned by a plain edit while on the way",
            "What counts is the field that was written, not the name of the event.",
            "visit",
            edits("ada", {"assignee_id": PERSON_2}),
            travels,
            created=given,
            values={"assignee_id": PERSON_2, "status": "travelling"},
            conflicts=[card],
        ),
        merge_case(
            "reassigned and further along",
            "Ben went on and arrived, still knowing nothing: the card names his latest move.",
            "visit",
            reassigned,
            travels,
            tells("ben", "VisitArrived"),
            created=given,
            values={"assignee_id": PERSON_2, "status": "on_site"},
            conflicts=[
                asks("assignee_id", "reassigned_under_way", ("ada 1", PERSON_2), ("ben 2", "arrive"), shown=PERSON_2)
            ],
        ),
        merge_case(
            "reassigned while on the way, and assigned by one who had seen both",
            "The answer is another assignment.",
            "visit",
            reassigned,
            travels,
            edits("eve", given, knowing="ada, ben"),
            created=given,
            values={"assignee_id": PERSON_1, "status": "travelling"},
        ),
        merge_case(
            "reassigned while on the way, and moved on by one who had seen both",
            "Whoever went on knowing of the reassignment has answered too.",
            "visit",
            reassigned,
            travels,
            tells("ben", "VisitArrived", knowing="ada"),
            created=given,
            values={"assignee_id": PERSON_2, "status": "on_site"},
        ),
        merge_case(
            "reassigned in the knowledge of the travelling",
            "The dispatcher knew that he was on the way.",
            "visit",
            travels,
            tells("ada", "VisitReassigned", {"assignee_id": PERSON_2}, knowing="ben"),
            created=given,
            values={"assignee_id": PERSON_2, "status": "travelling"},
        ),
        merge_case(
            "reassigned twice side by side while on the way",
            "Two dispatchers and one technician: the names differ, and each of them was written while he travelled.",
            "visit",
            reassigned,
            travels,
            tells("eve", "VisitReassigned", {"assignee_id": PERSON_3}, minute=9),
            created=given,
            values={"assignee_id": PERSON_3, "status": "travelling"},
            conflicts=[
                asks("assignee_id", "values_differ", ("ada 1", PERSON_2), ("eve 1", PERSON_3), shown=PERSON_3),
                asks("assignee_id", "reassigned_under_way", ("ada 1", PERSON_2), ("ben 1", "travel"), shown=PERSON_3),
                asks("assignee_id", "reassigned_under_way", ("eve 1", PERSON_3), ("ben 1", "travel"), shown=PERSON_3),
            ],
        ),
        merge_case(
            "reassigned, travelled by the same replica, beside an acceptance",
            "What Ada told followed one another; a third who knew of neither makes no conflict of it.",
            "visit",
            reassigned,
            tells("ada", "VisitTravelStarted"),
            tells("ben", "VisitAccepted"),
            created=given,
            values={"assignee_id": PERSON_2, "status": "travelling"},
        ),
        merge_case(
            "reassigned and travelled by the same replica, whose clock does not name itself",
            "Whoever reassigns a visit and sets out has not surprised anybody.",
            "visit",
            reassigned,
            tells("ada", "VisitTravelStarted", modest=True),
            created=given,
            values={"assignee_id": PERSON_2, "status": "travelling"},
        ),
        merge_case(
            "planned twice by two who knew nothing of each other, one name replaced",
            "A creation writes both the name and the status. Eve replaced the office's name, which is at odds with"
            " nothing any more, though the status of the same creation still stands; hers is, with the travelling.",
            "visit",
            tells("ben", "VisitPlanned", {**CREATED["visit"], "assignee_id": PERSON_2}, create_unknown=True),
            tells("ben", "VisitTravelStarted", create_unknown=True),
            edits("eve", {"assignee_id": PERSON_3}, minute=9),
            created=given,
            values={"assignee_id": PERSON_3, "status": "travelling"},
            conflicts=[
                asks("assignee_id", "values_differ", ("ben 1", PERSON_2), ("eve 1", PERSON_3), shown=PERSON_3),
                asks("assignee_id", "reassigned_under_way", ("eve 1", PERSON_3), ("ben 2", "travel"), shown=PERSON_3),
            ],
        ),
        merge_case(
            "the name that clashed was replaced, the status of its event was not",
            "A bug that generated histories found: a creation writes the name and the status, and a pair was kept at"
            " odds while either stood, so showing it failed.",
            "visit",
            tells("ben", "VisitTravelStarted", create_unknown=True),
            edits("eve", {"assignee_id": PERSON_3}, knowing="ben"),
            created=given,
            values={"assignee_id": PERSON_3, "status": "travelling"},
        ),
        merge_case(
            "reassigned to the same person while on the way",
            "Today the merge asks although nothing has changed: it looks at who wrote, not at what.",
            "visit",
            edits("ada", given),
            travels,
            created=given,
            values={"assignee_id": PERSON_1, "status": "travelling"},
            conflicts=[
                asks("assignee_id", "reassigned_under_way", ("ada 1", PERSON_1), ("ben 1", "travel"), shown=PERSON_1)
            ],
        ),
    ]


def _together() -> list[Case]:
    return [
        merge_case(
            "everything at once",
            "Archived, reassigned, under way and cancelled, by four who knew nothing of each other: each question is"
            " asked by its own name.",
            "visit",
            tells("ada", "Archived", minute=1),
            tells("ben", "VisitArrived", minute=2),
            tells("cem", "VisitCancelled", minute=3),
            tells("eve", "VisitReassigned", {"assignee_id": PERSON_2}, minute=4),
            created={"assignee_id": PERSON_1},
            values={"archived": False, "assignee_id": PERSON_2, "status": "on_site"},
            conflicts=[
                asks(
                    "archived",
                    "contested",
                    *(("ada 1", True), ("ben 1", ...), ("cem 1", ...), ("eve 1", ...)),
                    shown=False,
                ),
                asks("status", "moves_clash", ("ben 1", "arrive"), ("cem 1", "cancel"), shown="on_site"),
                asks("assignee_id", "reassigned_under_way", ("eve 1", PERSON_2), ("ben 1", "arrive"), shown=PERSON_2),
            ],
        ),
        merge_case(
            "three who work in turns",
            "Each has seen the one before: a day of a visit without a question, though every clock is wrong.",
            "visit",
            tells("ada", "VisitDispatched", minute=50),
            tells("ben", "VisitAccepted", knowing="ada", minute=40),
            tells("ben", "VisitTravelStarted", minute=30),
            tells("eve", "VisitReassigned", {"assignee_id": PERSON_2}, knowing="ben", minute=20),
            tells("ben", "VisitArrived", knowing="eve", minute=10),
            tells("ada", "VisitRescheduled", {"planned_start": MORNING}, knowing="ben", minute=0),
            tells("ben", "VisitFinished", DONE, knowing="ada", minute=0),
            values={"assignee_id": PERSON_2, "planned_start": MORNING, **DONE, "status": "done"},
        ),
    ]
