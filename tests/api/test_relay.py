"""Hub to hub: what one hub accepted, the other holds and shows alike, whatever came there by another way before."""

from dataclasses import replace
from typing import Any, Final

import httpx
import orjson
import pytest

from domain.people import Role
from sync import state_codec
from sync.envelope import hash_of
from sync.hybrid_clock import latest_at, stamp
from sync.office import office_of
from sync.relay import OtherHub
from tests.api.conftest import MakeOffice
from tests.api.office import NDJSON, NOW, ROLES, Office, problem
from tests.devices import new_id

Hubs = tuple[Office, Office]
WEEK_MS: Final = 7 * 86_400_000


@pytest.fixture
def hubs(offices: MakeOffice) -> Hubs:
    """Two hubs that know nothing of each other."""
    return offices(), offices()


def page_of(hub: Office, after: int = 0, limit: int = 500) -> bytes:
    answer = hub.get("/v1/sync/pull", role="integration", cursor=after, limit=limit, history="true")
    assert answer.status_code == 200, answer.text
    return answer.content


def other(hub: Office) -> OtherHub:
    return OtherHub(hub.tenant, hub.log.head(hub.tenant).epoch)


def send(to: Office, hub: OtherHub, body: bytes, *, after: int = 0, role: Role = "integration") -> httpx.Response:
    asked: dict[str, str | int] = {"hub": hub.tenant, "epoch": hub.epoch, "after": after}
    headers = {"Content-Type": NDJSON, **to.bearer(role)}
    return to.client.post("/v1/sync/relay", content=body, params=asked, headers=headers)


def relay(from_: Office, to: Office, *, after: int = 0, limit: int = 500) -> dict[str, Any]:
    answer = send(to, other(from_), page_of(from_, after, limit), after=after)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def kinds(told: dict[str, Any]) -> list[str]:
    return [verdict["verdict"] for verdict in told["verdicts"]]


def digest(hub: Office) -> str:
    return state_codec.state_hash(hub.log.states(hub.tenant))


def set_aside(hub: Office, office: Office) -> int:
    """How many events of the other hub are kept under its stand-in."""
    row = office.log.replica(office.tenant, other(hub).stand_in)
    return row.last_seq if row else 0


def test_both_hubs_show_the_same_although_it_came_a_week_later(hubs: Hubs) -> None:
    depot, town = hubs
    ada, site = depot.device("ada"), new_id()
    raws = [ada.create("site", site), ada.tell("site", site, "Edited", {"name": "South gate"}, now_ms=NOW + WEEK_MS)]
    depot.verdicts(*raws)
    town.clock.ms = NOW + WEEK_MS
    told = relay(depot, town)
    assert kinds(told) == ["accepted", "accepted"]
    assert [verdict["replica"] for verdict in told["verdicts"]] == [ada.replica] * 2
    assert told["verdicts"][1]["effective"] == latest_at(NOW), "as the depot said, not as it arrived here"
    assert digest(depot) == digest(town)
    stored = town.log.page(town.tenant, after=0, limit=10)
    assert [row.body for row in stored] == raws
    assert {row.actor for row in stored} == {depot.people["dispatcher"].person}
    row = town.log.replica(town.tenant, ada.replica)
    assert row is not None
    assert row[1:] == (town.people["integration"].person, 2, hash_of(raws[1]))


def test_a_page_that_comes_again_adds_nothing_and_one_that_skips_is_a_gap(hubs: Hubs) -> None:
    depot, town = hubs
    ada = depot.device("ada")
    depot.verdicts(*(ada.create("customer", new_id()) for _ in range(4)))
    assert relay(depot, town, after=2)["batch"] == "gap"
    assert relay(depot, town, after=2)["position"] == 0
    assert relay(depot, town, limit=2)["position"] == 2
    assert kinds(relay(depot, town, limit=3)) == ["duplicate", "duplicate", "accepted"]
    assert relay(depot, town, after=3)["position"] == 4
    assert kinds(relay(depot, town)) == ["duplicate"] * 4
    asked = {"hub": depot.tenant, "epoch": other(depot).epoch}
    assert town.get("/v1/sync/relay", role="integration", **asked).json() == {"position": 4}
    assert town.log.head(town.tenant).position == 4
    assert digest(depot) == digest(town)


def test_what_was_held_and_what_was_set_aside_leave_holes_that_stop_nothing(hubs: Hubs) -> None:
    depot, town = hubs
    ada, bob, site = depot.device("ada"), depot.device("bob"), new_id()
    created, named = ada.create("site", site), ada.tell("site", site, "Edited", {"name": "Mill"})
    bob.see(created, named)
    waits = bob.tell("site", site, "Edited", {"name": "Old mill"})
    poison = bob.hand_made(data={})
    last = bob.create("customer", new_id())
    depot.verdicts(created)
    verdicts = depot.verdicts(waits, poison, last)
    assert [each["verdict"] for each in verdicts] == ["held", "quarantined", "accepted"]
    depot.verdicts(named)
    assert [(each["replica"], each["seq"]) for each in relay(depot, town)["verdicts"]] == [
        (ada.replica, 1),
        (bob.replica, 3),
        (ada.replica, 2),
        (bob.replica, 1),
    ]
    assert digest(depot) == digest(town)
    row = town.log.replica(town.tenant, bob.replica)
    assert row is not None
    assert (row.last_seq, row.last_hash) == (3, hash_of(last))
    follows = bob.create("customer", new_id())
    answer = town.push(follows, role="integration").json()
    assert (answer["batch"], kinds(answer)) == ("taken", ["accepted"])


def test_both_ways_both_hubs_come_to_the_same(hubs: Hubs) -> None:
    depot, town = hubs
    ada, bob, site = depot.device("ada"), town.device("bob"), new_id()
    created = ada.create("site", site)
    depot.verdicts(created)
    relay(depot, town)
    bob.see(created)
    depot.verdicts(ada.tell("site", site, "Edited", {"access_code": "1234"}))
    town.verdicts(bob.tell("site", site, "Edited", {"access_code": "9999"}))
    assert digest(depot) != digest(town)
    assert kinds(relay(depot, town, after=1)) == ["accepted"]
    assert kinds(relay(town, depot)) == ["duplicate", "accepted", "duplicate"]
    assert digest(depot) == digest(town)
    (conflict,) = town.get(f"/v1/entities/site/{site}").json()["conflicts"]
    assert conflict["field"] == "access_code"


def test_what_waited_here_is_let_go_by_what_the_other_hub_brings(hubs: Hubs) -> None:
    depot, town = hubs
    ada, bob, site = depot.device("ada"), town.device("bob"), new_id()
    created, named = ada.create("site", site), ada.tell("site", site, "Edited", {"name": "Mill"})
    depot.verdicts(created, named)
    bob.see(created, named)
    assert kinds({"verdicts": town.verdicts(bob.tell("site", site, "Edited", {"name": "Old mill"}))}) == ["held"]
    relay(depot, town)
    relay(town, depot)
    assert town.log.head(town.tenant).position == 3
    assert digest(depot) == digest(town)


def test_what_waits_here_and_was_accepted_there_is_accepted_here(hubs: Hubs) -> None:
    """It names what the other hub set aside and so knows, and what will therefore never come."""
    depot, town = hubs
    ada, site = depot.device("ada"), new_id()
    created = ada.create("site", site)
    depot.verdicts(created, ada.hand_made(data={}))
    bob = depot.device("bob")
    bob.see(created)
    edit = bob.tell("site", site, "Edited", {"name": "Mill"}, clock={ada.replica: 2})
    town.log.mint(town.tenant, replica=bob.replica, person=town.people["dispatcher"].person, name="bob", now_ms=NOW)
    assert kinds({"verdicts": town.verdicts(edit)}) == ["held"]
    depot.verdicts(edit)
    assert kinds(relay(depot, town)) == ["accepted", "accepted"]
    assert kinds({"verdicts": town.verdicts(edit)}) == ["duplicate"]
    assert digest(depot) == digest(town)


def test_a5_what_two_clones_told_under_one_number_is_kept_beside_and_stops_nothing(offices: MakeOffice) -> None:
    depot, quarry, town = offices(), offices(), offices()
    ada, twin, site, other_site = depot.device("ada"), quarry.device("ada"), new_id(), new_id()
    theirs, ours = ada.create("site", site), twin.create("site", other_site)
    follows = ada.tell("site", site, "Edited", {"name": "Mill"})
    fine = ada.create("customer", new_id())
    depot.verdicts(theirs, follows, fine)
    quarry.verdicts(ours)
    assert kinds(relay(quarry, town)) == ["accepted"]
    told = relay(depot, town)
    assert kinds(told) == ["quarantined", "quarantined", "accepted"]
    assert [each["code"] for each in told["verdicts"][:2]] == ["dot_taken", "unknown_entity"]
    assert [each["seq"] for each in told["verdicts"]] == [1, 2, 3]
    assert set_aside(depot, town) == 2
    assert [each["code"] for each in town.get("/v1/quarantine").json()["items"]] == ["dot_taken", "unknown_entity"]
    assert kinds(relay(quarry, town)) == ["duplicate"], "what was told here first stands"


def test_a1_another_hub_says_nothing_new_in_the_name_of_those_who_hand_in_here(hubs: Hubs) -> None:
    """Whoever has an integration's token reads the whole log, and so could spell the next event of every replica."""
    depot, town = hubs
    eve = town.device("eve")
    said = eve.create("site", new_id())
    town.verdicts(said)
    town.verdicts(depot.device("x").hand_made(data={}, replica=eve.replica, seq=2, prev=hash_of(said)))
    eve.author = replace(eve.author, seq=2, prev=town.log.replica(town.tenant, eve.replica).last_hash)  # type: ignore[union-attr]  # it is known
    office = town.log.replica(town.tenant, office_of(town.tenant).replica)
    assert office is not None
    before = [town.log.replica(town.tenant, each) for each in (eve.replica, office.replica)]
    forged = [
        depot.device(f"forger{name}").hand_made(replica=row.replica, seq=row.last_seq + 1, prev=row.last_hash)
        for name, row in zip("ab", [each for each in before if each], strict=True)
    ]
    stamps = f'"position":%d,"version":1,"effective":"{latest_at(NOW)}","actor":"{town.people["dispatcher"].person}"'
    lines = [b'{"frame":"event",%b,"event":%b}' % ((stamps % n).encode(), raw) for n, raw in enumerate(forged, 1)]
    lines.append(orjson.dumps({"frame": "checkpoint", "cursor": 2, "head": 2, "epoch": other(depot).epoch}))
    told = send(town, other(depot), b"\n".join(lines)).json()
    assert [each["code"] for each in told["verdicts"]] == ["not_relayed", "not_relayed"]
    assert town.log.replica(town.tenant, eve.replica) == before[0]
    town.still_works(eve)


def test_a1_what_was_handed_in_here_comes_back_by_another_hub_and_changes_nothing(hubs: Hubs) -> None:
    depot, town = hubs
    town.verdicts(town.device("eve").create("site", new_id()))
    assert kinds(relay(town, depot)) == ["accepted"]
    assert kinds(relay(depot, town)) == ["duplicate"]


def test_a1_for_one_hub_one_integration_speaks(hubs: Hubs) -> None:
    depot, town = hubs
    depot.verdicts(depot.device("ada").create("site", new_id()))
    assert kinds(relay(depot, town)) == ["accepted"]
    second = new_id()
    town.accounts.add_person(town.tenant, person=second, name="Another hub's", role="integration")
    town.tokens["integration"] = town.accounts.issue(town.tenant, second, now_ms=town.clock.ms)
    problem(send(town, other(depot), page_of(depot)), 403, "forbidden")


def test_an_id_that_is_another_kind_of_thing_here_is_kept_beside(hubs: Hubs) -> None:
    depot, town = hubs
    same = new_id()
    depot.verdicts(depot.device("ada").create("customer", same))
    town.verdicts(town.device("bob").create("site", same))
    assert [each["code"] for each in relay(depot, town)["verdicts"]] == ["other_entity_type"]


def test_a_relay_stops_before_what_this_hub_cannot_read_and_goes_on_when_it_can(hubs: Hubs) -> None:
    depot, town = hubs
    ada = depot.device("ada")
    depot.verdicts(*(ada.create("customer", new_id()) for _ in range(3)))
    lines = page_of(depot).splitlines()
    newer = lines[1].replace(b'"v":1', b'"v":999')
    assert newer != lines[1]
    told = send(town, other(depot), b"\n".join([lines[0], newer, *lines[2:]])).json()
    assert (told["batch"], told["position"], told["code"]) == ("stopped", 1, "unknown_version")
    assert kinds(told) == ["accepted"]
    assert kinds(relay(depot, town, after=1)) == ["accepted", "accepted"]
    assert digest(depot) == digest(town)


def test_a10_a_hub_whose_clock_runs_ahead_wins_nothing_by_it(hubs: Hubs) -> None:
    depot, town = hubs
    ada = depot.device("ada")
    in_9999 = stamp(253_370_764_800_000)
    depot.verdicts(ada.tell("customer", new_id(), "Created", {"name": "Mill"}, now_ms=253_370_764_800_000))
    body = page_of(depot)
    ahead = body.replace(f'"effective":"{latest_at(NOW)}"'.encode(), f'"effective":"{in_9999}"'.encode())
    assert ahead != body
    (verdict,) = send(town, other(depot), ahead).json()["verdicts"]
    assert verdict["effective"] == latest_at(NOW)


def test_only_an_integration_speaks_for_another_hub(hubs: Hubs) -> None:
    depot, town = hubs
    for role in ROLES:
        answer = send(town, other(depot), page_of(depot), role=role)
        if role == "integration":
            assert answer.status_code == 200
        else:
            problem(answer, 403, "forbidden")
            asked = {"hub": depot.tenant, "epoch": other(depot).epoch}
            problem(town.get("/v1/sync/relay", role=role, **asked), 403, "forbidden")


def test_a_hub_takes_no_page_of_its_own(hubs: Hubs) -> None:
    depot, _ = hubs
    depot.verdicts(depot.device("ada").create("customer", new_id()))
    problem(send(depot, other(depot), page_of(depot)), 409, "same-hub")


def test_a_page_of_another_epoch_is_not_counted_to_this_one(hubs: Hubs) -> None:
    depot, town = hubs
    depot.verdicts(depot.device("ada").create("customer", new_id()))
    before = OtherHub(depot.tenant, new_id())
    problem(send(town, before, page_of(depot)), 409, "other-epoch")
    assert town.log.head(town.tenant).position == 0


def test_a_page_that_is_not_whole_or_not_in_order_is_not_taken(hubs: Hubs) -> None:
    depot, town = hubs
    ada = depot.device("ada")
    depot.verdicts(ada.create("customer", new_id()), ada.create("customer", new_id()))
    one, two, end = page_of(depot).splitlines()
    stamps, _, event = one.partition(b',"event":')
    told = orjson.loads(stamps + b"}")

    def stamped(**members: Any) -> bytes:
        return orjson.dumps({**told, **members})[:-1] + b',"event":' + event

    assert send(town, other(depot), b"\n".join([stamped(), end])).status_code == 200, "the way to spoil spoils nothing"
    bodies = {
        "cut": [one, two],
        "cut in a line": [one, two[:-1], end],
        "out of order": [two, one, end],
        "twice": [one, one, end],
        "beyond its cursor": [one, two, orjson.dumps({**orjson.loads(end), "cursor": 1})],
        "two ends": [one, end, two, end],
        "no frame": [event[:-1], end],
        "text for a stamp": [stamped(effective="now"), end],
        "nobody": [stamped(actor="")],
        "no position": [stamped(position=None), end],
        "true for a position": [stamped(position=True), end],
        "a list": [b"[]", end],
        "not JSON": [b"<html>", end],
        "nothing": [b""],
        "no link": [stamps + b',"event":{}}', end],
    }
    for name, lines in bodies.items():
        answer = send(town, other(depot), b"\n".join(lines), after=1)
        assert answer.status_code == 422, name
        problem(answer, 422, "unreadable-page")
    assert town.log.head(town.tenant).position == 1
    problem(send(town, other(depot), b"\n".join([one] * 600)), 413, "too-many-events")
