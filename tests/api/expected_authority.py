"""Who may ask what, written down a second time from the product's own table, without a look at the code.

Each row: methods, paths as a regular expression, and roles by their first letters (T technician, D dispatcher,
S supervisor, N analyst, U auditor, A admin, I integration), `all` of them, or `anybody` without a token too.
The first row that fits counts. A route that no row fits fails the matrix: decide who may ask it, here.
"""

import re
from typing import Final

from domain.people import Role

_LETTERS: Final[dict[str, Role]] = {
    "T": "technician",
    "D": "dispatcher",
    "S": "supervisor",
    "N": "analyst",
    "U": "auditor",
    "A": "admin",
    "I": "integration",
}
_RECORDS: Final = "(customers|contacts|sites|assets)"
_EVIDENCE: Final = "(checklist-answers|attachments|signatures|time-entries|part-uses)"
_CATALOG: Final = "(parts|stock-locations|checklist-templates)"
_JOBS: Final = "work-orders/{id}"
_PAST: Final = r"(history|why/{field}|differences|graph(\.svg)?)"
_VISITS: Final = "visits/{id}"

_ROWS: Final[list[tuple[str, str, str]]] = [
    # What says nothing of anybody's records, and what lets people in.
    ("GET", r"/(|livez|readyz|openapi\.json|docs|docs/{file}|problems|problems/{kind})", "anybody"),
    ("GET", r"/\.well-known/jwks\.json", "anybody"),
    ("POST", r"/v1/(sign-in.*|token|sync/handin)", "anybody"),
    # Oneself: what one is signed in on, and one's devices. (Others' devices are the admin's; the route looks.)
    ("GET POST PUT DELETE", r"/v1/(me|me/.*|sign-out)", "all"),
    ("POST", r"/v1/devices", "TDSAI"),
    ("GET PATCH POST", r"/v1/devices.*", "all"),
    # Users, devices, keys: the admin. Webhooks: the admin, and a system its own. What was done: the auditor too.
    ("GET POST PATCH PUT DELETE", r"/v1/(people|service-accounts|keys)(/.*)?", "A"),
    ("GET POST PATCH DELETE", r"/v1/webhooks(/.*)?", "AI"),
    ("GET", r"/v1/audit", "UA"),
    # Proofs: whoever pulls checks that history goes on; the hashes and single events are for those who audit.
    ("GET", r"/v1/proof/(keys|checkpoint|consistency)", "TDSUAI"),
    ("GET", r"/v1/proof/(checkpoints|inclusion|tiles/.*)", "UAI"),
    ("GET", r"/v1/proof/evidence", "UA"),
    # That nobody touched the audit, any system may watch; what is in it, the admin and the auditor see.
    ("GET", r"/v1/proof/audit/(checkpoint|checkpoints|consistency)", "UAI"),
    ("GET", r"/v1/proof/audit/(inclusion|entries|evidence)", "UA"),
    # Sync: whoever may see may pull, whoever writes in the field or office pushes, systems relay.
    ("GET", r"/v1/sync/relay", "I"),
    ("POST", r"/v1/sync/relay", "I"),
    ("POST", r"/v1/sync/(push|replicas)", "TDSAI"),
    # The analyst sees no events: in them is, word by word, what is masked from them in reads.
    ("POST", r"/v1/sync/hello", "all"),
    ("GET", r"/v1/sync/(pull|digest|live)", "TDSUAI"),
    # What was set aside: seen by everybody but its author's peers, decided by those who answer for it.
    ("GET", r"/v1/quarantine(/{case})?", "DSUAI"),
    ("POST", r"/v1/quarantine/{case}/.*", "DSA"),
    # History and replay: the technician of their own jobs, the dispatcher of jobs, the auditor of everything. All at
    # once is for those who answer for the whole. Analysts and systems look at what is there, not at who wrote it.
    ("GET", rf"/v1/entities/{{entity_type}}/{{entity_id}}/{_PAST}", "TDSUA"),
    ("GET", r"/v1/audit/(replay|differences)", "SUA"),
    # Tables and boards: whoever asks is shown those that their role may see; the routes look.
    ("GET", r"/v1/views(/{view}(/export)?)?", "all"),
    # Reads; the technician's are narrowed to their own work, the analyst's are masked.
    ("GET", r"/v1/(entities/.*|work-orders)", "all"),
    # Approve, close, reopen: judgements.
    ("POST", rf"/v1/{_JOBS}/(approve|close)", "SA"),
    ("POST", rf"/v1/{_JOBS}/reopen", "DSA"),
    # Resolve a conflict: the technician their own fields. Deviation: an admin and a system may settle what they may
    # write themselves, because a resolution is an edit of the same field.
    ("POST", r"/v1/(customers|sites|assets|work-orders)/{id}/resolve", "TDSAI"),
    ("POST", r"/v1/contacts/{id}/resolve", "DSAI"),
    ("POST", rf"/v1/{_CATALOG}/{{id}}/resolve", "DSA"),
    ("POST", rf"/v1/(visits|notes|{_EVIDENCE})/{{id}}/resolve", "TDS"),
    # Customer, site, asset: the office and connected systems; the technician what they see on site.
    ("PATCH", r"/v1/(customers|sites|assets)/{id}", "TDSAI"),
    ("POST", r"/v1/assets/{id}/report-condition", "TDSAI"),
    ("POST PATCH", rf"/v1/{_RECORDS}(/.*)?", "DSAI"),
    # Jobs. Deviation: an admin starts, resumes and completes nothing, and schedules nobody, because that is to send
    # somebody out; a system sends nobody out either.
    ("POST", rf"/v1/{_JOBS}/(start|resume|complete)", "TDSI"),
    ("POST", rf"/v1/{_JOBS}/schedule", "DS"),
    ("POST", rf"/v1/{_JOBS}/(cancel|unschedule|archive|restore)", "DSAI"),
    ("POST PATCH", r"/v1/work-orders(/{id})?(/open|/hold)?", "TDSAI"),
    # Visits: the technician moves their own, the dispatcher plans them, the supervisor may set all right.
    ("POST", rf"/v1/{_VISITS}/(accept|decline|travel|arrive|pause|continue|finish)", "TS"),
    ("POST", rf"/v1/{_VISITS}/(assign|dispatch|reschedule|cancel|archive|restore)", "DS"),
    ("POST PATCH", r"/v1/visits(/{id})?", "TDS"),
    # What was found and done: whoever did it, and the supervisor with a reason. The dispatcher reads, and settles.
    # What a meter showed belongs to the asset: whoever keeps the records may write it down, and corrects nobody else's.
    ("POST", r"/v1/meter-readings/{id}/correct", "TS"),
    ("POST", r"/v1/meter-readings(/{id}/.*)?", "TDSA"),
    ("PATCH", r"/v1/attachments/{id}", "TDS"),
    ("POST PATCH", rf"/v1/{_EVIDENCE}(/.*)?", "TS"),
    ("POST", r"/v1/notes/{id}/correct", "TS"),
    ("POST", r"/v1/notes(/.*)?", "TDS"),
    ("POST PATCH", rf"/v1/{_CATALOG}(/.*)?", "DSA"),
]


class Undecided(Exception):
    """A route that nobody wrote down here."""


def expected(method: str, path: str) -> frozenset[Role] | None:
    """The roles that may ask a route; None: everybody, also without a token. Raises Undecided."""
    for methods, pattern, who in _ROWS:
        if method in methods.split() and re.fullmatch(pattern.replace("{", r"\{").replace("}", r"\}"), path):
            if who == "anybody":
                return None
            return frozenset(_LETTERS.values() if who == "all" else (_LETTERS[letter] for letter in who))
    raise Undecided(f"write down in tests/api/expected_authority.py who may ask {method} {path}")
