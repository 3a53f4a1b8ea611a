"""Moves as events: who moved a VIP and for how long nobody served it, in lists, streams and CSV."""

import csv
import io
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from cluster_admin.events.feed import Filters, story
from cluster_admin.events.models import Event
from cluster_admin.rest.spreadsheets import ROWS
from tests.web import seeding
from tests.web.api_client import Api
from tests.web.listening import Bus, make_subcluster, vip
from workers.failover.core.reports import Events, Happening

pytestmark = pytest.mark.django_db(transaction=True)
VIP = "198.18.0.1"
COLUMNS = (
    "id,time,subcluster,node,kind,vip,actor,reason,from,to,epoch,gap_ms,view,peer,detail,"
    "incarnation,number,received_at"
)


def _reader() -> Api:
    return Api(seeding.user("ada", "viewer"))


def _tell_moves() -> None:
    seeding.cluster()
    died = {"reason": "its owner died", "actor": "failure", "gap_ms": 412.5, "view": "0badcafe"}
    seeding.tell("taken", "mta2", vip=VIP, peer="mta1", epoch=2, **died)
    seeding.tell("released", "mta2", vip=VIP, peer="mta3", epoch=2, actor="operator")
    seeding.tell("taken", "mta3", vip=VIP, peer="mta2", epoch=3, actor="operator", reason="=1+1")


def _csv(api: Api, where: str, **headers: str) -> tuple[str, list[dict[str, str]]]:
    """Heading and rows, as the ASGI server streams them."""

    async def ask() -> str:
        told = {"Authorization": f"Bearer {api.secret}", **headers}
        answer = await AsyncClient().get(f"/api/v1/{where}", headers=told)
        assert answer["Content-Type"] == "text/csv; charset=utf-8", answer.content
        assert "attachment" in answer["Content-Disposition"]
        return b"".join([piece async for piece in answer.streaming_content]).decode()

    text = async_to_sync(ask)()
    return text.splitlines()[0], list(csv.DictReader(io.StringIO(text)))


def test_what_a_node_tells_of_a_move_is_stored() -> None:
    make_subcluster()
    bus = Bus()
    bus.all_well()
    move = Happening(
        number=1,
        time="2026-01-02T03:04:05.000+00:00",
        kind="taken",
        vip=vip(0),
        node="mta1",
        reason="its owner died",
        epoch=2,
        actor="failure",
        view="0badcafe",
        gap_ms=412.5,
    )
    plain = Happening(number=2, time="", kind="taken", vip=vip(1), actor="a" * 100, view="b" * 128)

    bus.work(Events(node="mta2", incarnation=1, events=(move, plain)))

    first, second = Event.objects.filter(kind="taken").order_by("number")
    assert (first.actor, first.view, first.gap_ms) == ("failure", "0badcafe", 412.5)
    assert (first.way.origin, first.way.goal) == ("mta1", "mta2")
    assert (second.actor, second.view, second.gap_ms) == ("a" * 16, "b" * 64, None)


def test_moves_are_the_takings_with_who_had_it_before() -> None:
    _tell_moves()
    api = _reader()

    rows = api.get(f"vips/{VIP}/history/?moves=1").body["results"]

    assert [(row["from"], row["to"], row["gap_ms"]) for row in rows] == [
        ("mta2", "mta3", None),
        ("mta1", "mta2", 412.5),
    ]
    assert api.get(f"events/?vip={VIP}&moves=1").body["count"] == 2
    assert api.get(f"events/?vip={VIP}&moves=0").body["count"] == 3
    assert api.get("events/?actor=failure").body["results"][0]["view"] == "0badcafe"
    assert api.get(f"vips/{VIP}/history/?actor=operator&kind=released").body["count"] == 1
    assert api.get(f"vips/{VIP}/history/?moves=yes").problem == (400, "invalid")


@pytest.mark.parametrize("accept", [False, True])
def test_a_history_is_downloaded_from_the_api(accept: bool) -> None:
    _tell_moves()
    api = _reader()
    headers = {"Accept": "text/csv"} if accept else {}
    suffix = "" if accept else "&format=csv"

    heading, rows = _csv(api, f"vips/{VIP}/history/?moves=1{suffix}", **headers)

    assert heading == COLUMNS
    assert [(row["from"], row["to"], row["gap_ms"]) for row in rows] == [
        ("mta2", "mta3", ""),
        ("mta1", "mta2", "412.5"),
    ]
    assert rows[0]["reason"] == "'=1+1"
    assert _csv(api, f"events/?kind=released{suffix}", **headers)[1][0]["from"] == "mta2"


def test_the_pages_of_the_database_do_not_show_in_csv() -> None:
    seeding.cluster()
    first = seeding.tell("state")
    usual: dict[str, Any] = {"subcluster": "default", "node": "mta9", "incarnation": 1}
    Event.objects.bulk_create(
        Event(number=number, time=first.time, received_at=first.time, kind="view", **usual)
        for number in range(2 * ROWS)
    )

    _, rows = _csv(_reader(), "events/?format=csv")

    ids = [int(row["id"]) for row in rows]
    assert len(ids) == 2 * ROWS + 1
    assert ids == sorted(set(ids), reverse=True)


def test_csv_has_only_what_its_reader_may_read() -> None:
    seeding.cluster()
    seeding.tell("state")
    seeding.tell("state", subcluster="other", node="far1")
    api = Api(seeding.user("ann", "viewer", "default"))

    assert {row["subcluster"] for row in _csv(api, "events/?format=csv")[1]} == {"default"}


@pytest.mark.parametrize(
    "query",
    ["format=xml", "format=csv&page=2", "format=csv&page_size=9", "format=csv&ordering=time"],
)
def test_what_does_not_go_with_csv_is_refused(query: str) -> None:
    seeding.cluster()

    assert _reader().get(f"events/?{query}").problem == (400, "invalid")


def test_a_stream_may_have_moves_by_operators_alone() -> None:
    seeding.cluster()
    _reader()
    told = seeding.tell("taken", vip=VIP, peer="mta2", actor="operator", gap_ms=3.0)
    values = {name: getattr(told, name) for name in (one.name for one in Event._meta.fields)}

    assert Filters(actor="operator").let(values)
    assert not Filters(actor="failure").let(values)
    assert story(values)["from"] == "mta2"
    assert story(values)["gap_ms"] == 3.0


def test_the_page_of_a_vip_sums_up_its_moves(client: Client) -> None:
    client.force_login(seeding.user())
    _tell_moves()
    seeding.tell("taken", "mta1", vip=VIP, ago=90_000, peer="mta2", gap_ms=1800.2, actor="failure")
    seeding.tell("taken", "mta1", vip=VIP, ago=900_000, gap_ms=9000.0)

    text = client.get(f"/vips/{VIP}/").content.decode()
    moves = client.get(f"/vips/{VIP}/?moves=1").content.decode()

    assert "2 moves in 24 h, 3 in 7 d; longest gap 1801 ms" in text
    assert text.count("<tr id=") == 5
    assert moves.count("<tr id=") == 4
    assert "413 ms" in moves
    assert '<span class="muted">unknown</span>' in moves


def test_the_history_is_filtered_by_who_moved_a_vip(client: Client) -> None:
    client.force_login(seeding.user())
    _tell_moves()

    text = client.get("/events/?actor=failure").content.decode()

    assert text.count("<tr id=") == 1
    assert "its owner died" in text
