"""Messages in, rows out: each event once, states as they are told, and only what changed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from cluster_admin.audit.actor import Actor
from cluster_admin.events.ledger import Ledger
from cluster_admin.events.models import Cursor, Event
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node, NodeStatus, Subcluster
from cluster_admin.vips.models import Vip, VipStatus
from tests.web.listening import BEGAN, KEY, NODES, SUBCLUSTER, Bus, make_subcluster, vip
from workers.failover.core.reports import (
    Ailment,
    Ask,
    Events,
    Happening,
    Holding,
    Refusal,
    Run,
    Trouble,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def subcluster() -> Subcluster:
    return make_subcluster()


@pytest.fixture
def bus(subcluster: Subcluster) -> Bus:
    bus = Bus()
    bus.all_well()
    return bus


def _writes(captured: CaptureQueriesContext) -> list[str]:
    return [q["sql"] for q in captured if q["sql"].split()[0] in ("INSERT", "UPDATE", "DELETE")]


def test_states_become_rows(bus: Bus) -> None:
    owned = VipStatus.objects.get(vip__address=vip(0))
    assert (owned.state, owned.owner, owned.epoch) == ("owned", "mta1", 1)
    assert owned.since == BEGAN - timedelta(seconds=60) + timedelta(seconds=bus.seconds)
    node = NodeStatus.objects.get(node__name="mta3")
    assert (node.verdict, node.state, node.heard_at) == ("alive", "ready", bus.now.time)


def test_events_are_stored_and_cursors_move_with_them(bus: Bus) -> None:
    bus.work(
        bus.happen("mta1", "taken", times=3, vip=vip(0), node="mta2", reason="it died", epoch=7)
    )

    rows = list(Event.objects.order_by("id").values_list("number", "kind", "vip", "peer", "epoch"))
    assert rows == [(number, "taken", vip(0), "mta2", 7) for number in (1, 2, 3)]
    assert Cursor.objects.get().through == 3


def test_what_nodes_tell_together_is_stored_as_it_happened(bus: Bus) -> None:
    first = [bus.happen(node, detail="first") for node in NODES]
    bus.seconds += 1
    second = [bus.happen(node, detail="second") for node in NODES]
    bus.work(*(one for pair in zip(first, second, strict=True) for one in pair))

    details = list(Event.objects.order_by("id").values_list("detail", flat=True))
    assert details == ["first"] * 3 + ["second"] * 3


def test_what_comes_again_is_stored_once(bus: Bus) -> None:
    events = bus.happen("mta1", times=5)
    bus.work(events, events)
    bus.work(events)
    Bus(Ledger("demo", [KEY])).work(events)

    assert Event.objects.count() == 5


def test_two_listeners_store_each_event_once(bus: Bus) -> None:
    other = Bus(Ledger("demo", [KEY]), told=bus.told, held=bus.held)
    other.work(*(other.report(node) for node in NODES))
    events = [bus.happen("mta1", times=4), bus.happen("mta1", times=2)]

    bus.work(events[0])
    other.work(*events)
    bus.work(events[1])

    assert list(Event.objects.order_by("id").values_list("number", flat=True)) == [*range(1, 7)]


def test_a_gap_is_asked_for_and_nothing_beyond_it_is_stored(bus: Bus) -> None:
    missed = bus.happen("mta1", times=2)
    later = bus.happen("mta1")

    outcome = bus.work(later)
    assert outcome.asks == [(SUBCLUSTER, Ask(to="mta1", incarnation=1, after=0))]
    assert not Event.objects.exists()

    assert bus.work(missed, later).asks == []
    assert Event.objects.count() == 3


def test_all_runs_are_caught_up_oldest_first(bus: Bus) -> None:
    runs = (Run(1, 1, 2), Run(2, 1, 1))
    asks = bus.work(bus.report("mta1", incarnation=2, runs=runs)).asks
    assert asks == [(SUBCLUSTER, Ask(to="mta1", incarnation=1, after=0))]

    asks = bus.work(bus.happen("mta1", times=2), after=0.2).asks
    assert asks == [(SUBCLUSTER, Ask(to="mta1", incarnation=2, after=0))]


def test_what_a_node_can_no_longer_tell_is_named(bus: Bus) -> None:
    bus.work(bus.report("mta1", runs=(Run(1, 5, 6),)))
    bus.work(
        Events(node="mta1", incarnation=1, events=tuple(Happening(n, "", "late") for n in (5, 6)))
    )

    missing, *rest = Event.objects.order_by("id")
    assert (missing.kind, missing.number) == ("missing", 1)
    assert missing.detail == "events 1 to 4 of this run can no longer be told"
    assert [row.number for row in rest] == [5, 6]


def test_a_message_in_anothers_name_is_refused_and_counted(bus: Bus) -> None:
    bus.work(bus.happen("mta1"), user="mta2")
    bus.work(bus.happen("mta1"), user="manager")

    assert not Event.objects.exists()
    assert bus.ledger.refused() == {(SUBCLUSTER, "mta2"): 1, (SUBCLUSTER, "manager"): 1}


def test_texts_that_no_database_takes_are_cleaned(bus: Bus) -> None:
    odd = Happening(1, "not a time", "k" * 100, vip="x", reason="a\0b", detail="d" * 1000)
    bus.work(Events(node="mta1", incarnation=1, events=(odd,)))

    row = Event.objects.get()
    assert (row.kind, row.reason, row.time) == ("k" * 32, "ab", bus.now.time)


def test_a_report_at_its_bounds_is_taken(bus: Bus) -> None:
    most, long, odd = 2**53, "\U0001f600" * 1000, "\0\u202e\ud7ff"
    bus.work(
        bus.report(
            "mta1",
            incarnation=most,
            runs=(Run(most, most, most),),
            state="s" * 128,
            objection=long,
            revision=most,
            known_revision=most,
            problem=long,
            members=("m" * 63, odd),
            rings=(("r" * 128, True), (odd, False)),
            warnings=(long, odd),
            peers=((odd, odd), ("mta2", "x" * 128)),
            troubles=(Trouble(odd, "s" * 128, "m" * 64), Trouble(vip(1), odd, odd)),
            cannot=(Refusal(odd, "x"), Refusal(vip(1), odd * 60), Refusal(vip(0), "y" * 200)),
            unhealthy=(Ailment(odd, odd), Ailment("c" * 500, "z" * 200)),
        )
    )
    held = (Holding(vip(0), most, 1e10, long, odd), Holding(odd, 0, 0.0))
    bus.work(bus.holdings("mta1", sequence=most, held=held))
    whole = Happening(most, "9999-12-31T23:59:59-23:59", odd, odd, odd, long, most, odd)
    bus.work(Events(node="mta1", incarnation=most, events=(whole,)))

    assert NodeStatus.objects.get(node__name="mta1").revision == most
    assert VipStatus.objects.get(vip__address=vip(0)).epoch == most
    assert Event.objects.filter(kind="missing").count() == 1


def test_when_nothing_changes_only_the_hearing_is_written_once_a_second(bus: Bus) -> None:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        for _ in range(20):
            bus.work(*(bus.report(node) for node in NODES), after=0.1)

    assert len(_writes(captured)) <= 3
    assert NodeStatus.objects.get(node__name="mta1").heard_at > BEGAN + timedelta(seconds=1)


def test_rows_stay_as_they_are_when_another_listener_starts(bus: Bus) -> None:
    before = list(VipStatus.objects.order_by("pk").values())
    other = Bus(Ledger("demo", [KEY]), seconds=bus.seconds + 30.0, held=bus.held)

    for node in NODES:
        other.work(other.report(node))

    assert list(VipStatus.objects.order_by("pk").values()) == before


def test_a_vip_that_is_new_is_shown_with_its_taking(bus: Bus, subcluster: Subcluster) -> None:
    bus.work(after=1.0)
    Vip(subcluster=subcluster, address=vip(9)).save()
    subcluster.revision += 1
    subcluster.save()

    bus.work(bus.happen("mta3", "taken", vip=vip(9), epoch=1), after=0.3)

    assert VipStatus.objects.get(vip__address=vip(9)).owner == "mta3"


@pytest.mark.django_db(transaction=True)
def test_a_vip_removed_meanwhile_costs_one_batch(bus: Bus, subcluster: Subcluster) -> None:
    Vip.objects.get(address=vip(0)).delete()
    bus.held["mta1"] = {vip(0): 2}
    events = bus.happen("mta1", "taken", vip=vip(0), epoch=2)

    with pytest.raises(DatabaseError):
        bus.work(events)
    bus.work(bus.report("mta1"), events)

    assert Event.objects.count() == 1
    assert not VipStatus.objects.filter(vip__address=vip(0)).exists()


def test_new_nodes_and_vips_have_rows_at_once(subcluster: Subcluster) -> None:
    Bus().work()

    assert NodeStatus.objects.count() == Node.objects.count()
    assert set(VipStatus.objects.values_list("state", flat=True)) == {"unknown"}


def test_what_a_failed_transaction_held_is_written_by_the_next(bus: Bus) -> None:
    def fail(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('INSERT INTO "vips_vipstatus"'):
            raise DatabaseError
        return execute(sql, *rest)

    events = bus.happen("mta2", "taken", vip=vip(0), epoch=2)
    with connection.execute_wrapper(fail), pytest.raises(DatabaseError):
        bus.work(events)
    assert not Event.objects.exists()

    outcome = bus.work()
    assert VipStatus.objects.get(vip__address=vip(0)).owner == "mta2"
    assert outcome.asks == [(SUBCLUSTER, Ask(to="mta2", incarnation=1, after=0))]


def test_many_changes_are_written_in_parts_the_newest_first(subcluster: Subcluster) -> None:
    bus = Bus(Ledger("demo", [KEY], vips_at_once=1))
    bus.all_well()
    assert not bus.work().more
    bus.writing = False
    bus.work(bus.happen("mta3", "taken", vip=vip(1), epoch=2))
    bus.writing = True

    assert bus.work(bus.happen("mta3", "taken", vip=vip(0), epoch=2)).more
    owners = VipStatus.objects.values_list("vip__address", "owner")
    assert dict(owners) == {vip(0): "mta3", vip(1): "mta2"}

    assert not bus.work().more
    assert dict(owners.all()) == {vip(0): "mta3", vip(1): "mta3"}


def test_only_one_of_two_listeners_that_see_the_same_tells_of_it(bus: Bus) -> None:
    other = Bus(Ledger("demo", [KEY]), held=bus.held)
    other.work(*(other.report(node) for node in NODES))
    bus.held["mta2"] = {vip(0): 1, vip(1): 1}
    for one in (bus, other):
        one.work(one.report("mta2"), after=0.8)

    unsafe = Event.objects.get(kind="unsafe")
    assert (unsafe.node, unsafe.vip, unsafe.reason) == ("manager", vip(0), "also held by mta2")


def test_the_managers_own_word_of_a_death_and_of_safety(bus: Bus) -> None:
    bus.held["mta2"] = {vip(0): 1, vip(1): 1}
    bus.work(bus.report("mta2"), after=0.8)
    bus.held["mta2"] = {}
    bus.work(bus.report("mta2"))
    dead = {"kind": "dead", "node": "mta1"}
    bus.work(bus.happen("mta2", **dead), bus.happen("mta3", **dead))

    own = Event.objects.filter(node="manager").order_by("id")
    assert [(row.kind, row.vip, row.peer) for row in own] == [
        ("unsafe", vip(0), ""),
        ("safe", vip(0), ""),
        ("dead", "", "mta1"),
    ]


def test_a_listener_that_does_not_write_states_stores_events_all_the_same(bus: Bus) -> None:
    bus.writing = False
    bus.work(bus.happen("mta2", "taken", vip=vip(0), epoch=2))
    assert VipStatus.objects.get(vip__address=vip(0)).owner == "mta1"
    assert Event.objects.count() == 1

    bus.writing = True
    bus.work()
    assert VipStatus.objects.get(vip__address=vip(0)).owner == "mta2"


def test_a_subcluster_made_later_is_heard_and_one_removed_is_left(bus: Bus) -> None:
    Subcluster.objects.create(name="other")
    assert bus.work(after=1.1).subclusters == (SUBCLUSTER, "other")

    Subcluster.objects.get(name="other").delete()
    assert bus.work(after=1.1).subclusters == (SUBCLUSTER,)


def test_a_check_that_fails_on_a_node_makes_its_vips_unsafe_until_it_is_good_again(
    bus: Bus, subcluster: Subcluster
) -> None:
    with services.change(subcluster, Actor("tester"), "checks"):
        Vip.objects.filter(address=vip(0)).update(check_command="tcp:25")
    bus.work(bus.report("mta1"), after=1.1)
    bus.work(bus.report("mta3", unhealthy=(Ailment("tcp:25", "refused"),)))

    status = VipStatus.objects.get(vip__address=vip(0))
    sentence = "mta3 could not take it: its health check fails there: tcp:25: refused"
    assert (status.state, status.cause, status.note) == ("UNSAFE", "not-everywhere", sentence)
    assert VipStatus.objects.get(vip__address=vip(1)).state == "owned"

    bus.work(bus.report("mta3"))
    status.refresh_from_db()
    assert (status.state, status.cause, status.note) == ("owned", "", "")
    told = Event.objects.filter(node="manager").order_by("id").values_list("kind", "reason")
    assert list(told) == [("unsafe", sentence), ("safe", "")]


def test_a_hook_is_unsafe_from_the_start_and_no_news(bus: Bus, subcluster: Subcluster) -> None:
    with services.change(subcluster, Actor("tester"), "a hook"):
        Vip.objects.filter(address=vip(0)).update(hook="/bin/true")
    bus.work(bus.report("mta1"), after=1.1)

    status = VipStatus.objects.get(vip__address=vip(0))
    assert (status.state, status.cause) == ("UNSAFE", "hook")
    assert not Event.objects.filter(node="manager").exists()

    bus.held["mta2"] = {vip(0): 1, vip(1): 1}
    bus.work(bus.report("mta2"), after=0.8)
    assert Event.objects.get(node="manager").reason == "also held by mta2"

    bus.held["mta2"] = {}
    bus.work(bus.report("mta2"))
    status.refresh_from_db()
    assert (status.state, status.cause) == ("UNSAFE", "hook")
    assert [row.kind for row in Event.objects.filter(node="manager").order_by("id")] == [
        "unsafe",
        "safe",
    ]


def test_drained_nodes_are_no_heirs_and_no_alarm(bus: Bus, subcluster: Subcluster) -> None:
    with services.change(subcluster, Actor("tester"), "night"):
        Node.objects.exclude(name="mta1").update(admin_state="draining")
    bus.work(bus.report("mta1"), after=1.1)

    status = VipStatus.objects.get(vip__address=vip(0))
    assert (status.state, status.cause) == ("owned", "no-heir")
    assert status.reason == ""
