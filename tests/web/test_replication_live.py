"""What nodes count, as the manager tells it: tables, trees, limits, refusals, metrics."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry

from cluster_admin.api.metrics import Rows
from cluster_admin.replication import door
from cluster_admin.replication.models import LimitExemption, ReplicatedTable, TrafficLimit
from tests.web import seeding
from tests.web.api_client import Api, administrator
from tests.web.counting import Counting, answering
from tests.web.shell import Shell

pytestmark = pytest.mark.django_db
CLIENT, OTHER, SIX = "192.0.2.1", "192.0.2.9", "2001:db8::1"


@pytest.fixture
def counting(settings: Any, tmp_path: Path) -> Iterator[Counting]:
    """Three nodes, a limit of 100 messages a minute per client, and 20 open connections."""
    home = seeding.cluster().subcluster
    rate = {"subject": "inbound-messages", "per": "address", "most": 100, "window": 60}
    TrafficLimit.objects.create(subcluster=home, name="per-client", **rate)
    TrafficLimit.objects.create(
        subcluster=home, name="open", subject="inbound-open", per="address", most=20
    )
    LimitExemption.objects.create(
        subcluster=home, name="partner", limit="per-client", key=OTHER, most=50
    )
    settings.MUSTER_SHARED_SOCKET = tmp_path / "shared.sock"
    made = Counting()
    made.window("mta1", "named-throttles", f"per-client/{CLIENT}", 60)
    made.window("mta2", "named-throttles", f"per-client/{CLIENT}", 30)
    made.window("mta2", "named-throttles", f"per-client/{OTHER}", 20)
    made.gauge("mta1", "connections-inbound", CLIENT, 4)
    made.gauge("mta3", "connections-inbound", CLIENT, 1)
    made.gauge("mta3", "connections-inbound", OTHER, 2)
    made.gauge("mta3", "connections-inbound", SIX, 3)
    made.put("mta1", "cache", "greeting", b"hello \xff")
    made.tell()
    made.refuse("mta2", "per-client", CLIENT)
    made.refuse("mta2", "per-client", OTHER, test=True)
    with answering(settings.MUSTER_SHARED_SOCKET, made):
        yield made


@pytest.fixture
def api(counting: Counting) -> Api:
    return administrator()


def test_every_table_is_told_with_how_much_is_in_it(api: Api) -> None:
    rows = {one["name"]: one for one in api.get("shared/").body["rows"]}

    assert len(rows) == 17
    inbound = rows["connections-inbound"]
    assert (inbound["keys"], inbound["total"], inbound["evicted"]) == (3, 10, 3)
    assert (inbound["kind"], inbound["defined"], inbound["is_address"]) == ("gauge", False, True)
    assert rows["named-throttles"]["total"] == 110
    assert rows["cache"]["keys"] is None


def test_rows_are_the_greatest_of_all_nodes_or_of_one(api: Api) -> None:
    where = "shared/rows/?table=connections-inbound"

    every = api.get(f"{where}&top=2").body
    third = api.get(f"{where}&node=mta3").body

    assert every["rows"] == [{"key": CLIENT, "value": 5}, {"key": SIX, "value": 3}]
    assert (every["keys"], every["total"], every["more"]) == (3, 10, 1)
    assert [(one["key"], one["value"]) for one in third["rows"]] == [
        *((SIX, 3), (OTHER, 2), (CLIENT, 1)),
    ]


def test_addresses_are_a_tree_with_its_branching_prefixes(api: Api) -> None:
    tree = api.get("shared/rows/?table=connections-inbound&tree=1").body["tree"]

    assert [(one["depth"], one["prefix"], one["total"]) for one in tree] == [
        *((0, "192.0.2.0/28", 7), (1, CLIENT, 5), (1, OTHER, 2), (0, SIX, 3)),
    ]


def test_a_cache_has_values_and_who_set_them(api: Api) -> None:
    told = api.get("shared/rows/?table=cache").body

    assert told["rows"] == [
        {"key": "greeting", "value": "hello \N{REPLACEMENT CHARACTER}", "node": "mta1"}
    ]
    assert (told["keys"], told["total"]) == (1, None)


def test_a_dead_nodes_gauges_leave_the_sum_and_return(api: Api, counting: Counting) -> None:
    where = "shared/rows/?table=connections-inbound"
    picture = counting.picture

    picture.redefine(picture.replication, counting.names, ("mta1", "mta2"))
    assert api.get(where).body["total"] == 4
    picture.redefine(picture.replication, counting.names, counting.names)
    assert api.get(where).body["total"] == 10


def test_limits_are_told_where_they_are_nearest(api: Api) -> None:
    rows = {one["limit"]: one for one in api.get("limits/usage/").body["rows"]}

    limit = rows["per-client"]
    assert (limit["key"], limit["value"], limit["most"], limit["share"]) == (CLIENT, 90, 100, 0.9)
    assert [(one["key"], one["value"], one["most"]) for one in limit["near"]] == [
        *((CLIENT, 90, 100), (OTHER, 20, 50)),
    ]
    assert (limit["refused"], limit["rate"]) == (2, "100/60s")
    assert (rows["open"]["key"], rows["open"]["share"]) == (CLIENT, 0.25)


def test_it_is_explained_what_applies_to_a_key_whose_it_is_and_why_it_was_refused(
    api: Api,
) -> None:
    told = api.get(f"limits/explain/?key={CLIENT}").body

    rows = {one["limit"]: one for one in told["rows"]}
    assert rows["per-client"]["nodes"] == {"mta1": 60, "mta2": 30}
    assert (rows["per-client"]["remaining"], rows["per-client"]["stage"]) == (10, "RCPT")
    assert rows["open"]["nodes"] == {"mta1": 4, "mta3": 1}
    [refusal] = told["refusals"]
    assert (refusal["node"], refusal["limit"], refusal["value"]) == ("mta2", "per-client", 100)
    assert [one["key"] for one in api.get("limits/refusals/?limit=per-client").body["rows"]]


def test_a_refusal_that_is_told_twice_is_kept_once_and_a_new_life_counts_anew(
    api: Api, counting: Counting
) -> None:
    assert len(api.get("limits/refusals/").body["rows"]) == 2
    newest = api.get("limits/refusals/?top=1").body

    assert (len(newest["rows"]), newest["more"]) == (1, 1)
    assert [one["test"] for one in api.get(f"limits/refusals/?key={OTHER}").body["rows"]] == [True]
    assert api.get("limits/refusals/?node=mta1").body["rows"] == []


WRONG = {
    "shared/rows/": (400, "is missing"),
    "shared/rows/?table=none": (404, "there is no table none"),
    "shared/rows/?table=cache&tree=1": (200, ""),
    "shared/rows/?table=named-throttles&tree=1": (404, "no addresses"),
    "shared/rows/?table=cache&node=mta9": (404, "there are mta1, mta2, mta3"),
    "shared/rows/?table=cache&top=0": (400, "write 1 to 1,000"),
    "shared/rows/?table=cache&tree=yes": (400, "write 1 or 0"),
    "shared/?subcluster=nowhere": (404, "none that you may read"),
    "limits/explain/": (400, "write an address"),
    "limits/usage/?near=99": (400, "write 1 to 20"),
    "shared/chart/?seconds=1": (400, "write 60 to 86,400"),
}


@pytest.mark.parametrize("where", WRONG)
def test_what_makes_no_sense_is_refused_with_a_sentence(api: Api, where: str) -> None:
    status, sentence = WRONG[where]
    told = api.get(where)

    assert told.status == status
    assert sentence in told.text


def test_a_sum_over_time_is_told(api: Api) -> None:
    [points] = api.get("shared/chart/?table=connections-inbound").body["points"]
    [refused] = api.get("shared/chart/").body["points"]

    assert [value for _at, value in points] == [10]
    assert len(refused) == 1


def test_nobody_sees_what_they_may_not_read(counting: Counting) -> None:
    seeding.cluster(1, 1, "other", prefix="o", block=1)
    stranger = Api(seeding.user("sven", "viewer", "other"))

    assert stranger.get("shared/").body == {"rows": []}
    assert stranger.get("limits/refusals/").body["rows"] == []
    assert stranger.get("shared/?subcluster=default").status == 404
    assert Api().get("shared/").status == 401


def test_without_a_listener_it_is_said_what_to_do(settings: Any, tmp_path: Path) -> None:
    seeding.cluster()
    settings.MUSTER_SHARED_SOCKET = tmp_path / "none.sock"

    told = administrator().get("limits/usage/")

    assert told.problem == (503, "unavailable")
    assert "muster-listener" in told.body["detail"]
    assert "muster_counts_known 0.0" in metrics()


def metrics() -> str:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Rows())
    return generate_latest(registry).decode()


def test_prometheus_is_told_of_tables_limits_and_nodes(counting: Counting) -> None:
    told = metrics()

    for line in (
        "muster_counts_known 1.0",
        'muster_shared_total{subcluster="default",table="connections-inbound",type=',
        'muster_limit_share{limit="per-client",subcluster="default"} 0.9',
        'muster_limit_refused_total{limit="per-client",node="mta2",subcluster="default"} 2.0',
        'muster_counts_requests_total{node="mta2",subcluster="default"} 1000.0',
    ):
        assert line in told


def test_a_defined_table_is_told_as_defined_and_a_name_in_two_subclusters_has_to_be_chosen(
    settings: Any, tmp_path: Path
) -> None:
    settings.MUSTER_SHARED_SOCKET = tmp_path / "shared.sock"
    home = seeding.cluster().subcluster
    seeding.cluster(1, 1, "other", prefix="o", block=1)
    ReplicatedTable.objects.create(subcluster=home, name="inbound", type="connections-inbound")
    with answering(settings.MUSTER_SHARED_SOCKET, Counting(), Counting("other")):
        api = administrator()
        rows = api.get("shared/?subcluster=default").body["rows"]
        assert [one["defined"] for one in rows if one["name"] == "inbound"] == [True]
        assert "connections-inbound" not in [one["name"] for one in rows]
        several = api.get("shared/rows/?table=cache")
        assert several.status == 400
        assert "default, other; name one subcluster" in several.body["detail"]


def test_the_door_is_the_managers_alone_and_lets_go_who_says_nonsense(
    counting: Counting, settings: Any
) -> None:
    path = settings.MUSTER_SHARED_SOCKET

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert door.ask(path, {"ask": "nothing"})["error"] == "that is no question"
    assert "error" in door.ask(path, {"ask": "rows", "table": "cache", "top": "x"})
    with pytest.raises(door.DoorError, match="muster-listener"):
        door.ask(path, {"ask": "x" * 100_000})
    assert door.ask(path, {"ask": "tables"})["rows"]


@pytest.mark.one_database
@pytest.mark.usefixtures("counting")
def test_commands_tell_the_same(tmp_path: Path) -> None:
    shell = Shell(tmp_path, administrator().secret)

    assert "192.0.2.0/28" in shell.types("shared show connections-inbound --tree").stdout
    assert "90 %" in shell.types("limits top").stdout
    explained = shell.types(f"limits explain {CLIENT} --columns limit,nodes").stdout
    assert "mta1=60 mta2=30" in explained
    assert "connections-inbound" in shell.types("shared list").stdout
    assert "mta2" in shell.types("shared nodes").stdout
