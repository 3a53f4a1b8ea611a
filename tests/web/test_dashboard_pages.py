"""Pages: what they show and to whom, filtered by the URL, with a constant number of queries."""

import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cluster_admin.inventory.models import Node, NodeStatus
from cluster_admin.vips.models import Vip, VipStatus
from tests.web import seeding

pytestmark = pytest.mark.django_db
QUERIES = {"/": 15, "/vips/": 8, "/nodes/": 9, "/events/": 7}
"""Session and user are two of them, a role one."""


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(seeding.user())
    return client


def page(client: Client, path: str, **headers: str) -> str:
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200, path
    return answer.content.decode()


def shown(client: Client, path: str, name: str = "vip") -> list[str]:
    """The rows of a table, in order."""
    return re.findall(rf'<tr id="[^"]+" data-{name}="([^"]+)"', page(client, path))


@pytest.mark.parametrize(
    "path", ["/", "/nodes/", "/vips/", "/events/", "/vips/198.18.0.1/", "/live/"]
)
def test_nothing_is_shown_without_a_login(client: Client, path: str) -> None:
    seeding.cluster()

    answer = client.get(path)

    assert (answer.status_code, answer.get("Location", "")) in (
        (302, f"/login/?next={path}"),
        (403, ""),
    )


def test_the_overview_has_nodes_vips_and_what_needs_attention(viewer: Client) -> None:
    made = seeding.cluster(3, 6)
    seeding.judge("mta2", "dead")
    VipStatus.objects.filter(vip=made.vips[1]).update(state="unowned", owner="")
    VipStatus.objects.filter(vip=made.vips[2]).update(state="UNSAFE", holders=["mta3", "mta1"])

    text = page(viewer, "/")

    assert "2<small>/3</small>" in text
    assert "4<small>/6</small>" in text
    assert 'id="trouble-vip-UNSAFE"' in text
    assert 'id="trouble-vip-unowned"' in text
    assert 'id="trouble-node-dead"' in text
    assert "and mta1" in text
    assert shown(viewer, "/") == [f"198.18.0.{n}" for n in range(1, 7)]


def test_nodes_in_maintenance_raise_no_alarm(viewer: Client) -> None:
    seeding.cluster(2, 2)
    seeding.judge("mta2", "dead")
    Node.objects.filter(name="mta2").update(admin_state="maintenance")

    assert "Nothing needs attention" in page(viewer, "/")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"verdict": "suspected"}, ["suspected"]),
        ({"verdict": "dead", "state": "ready"}, ["dead"]),
        ({"state": "isolated"}, ["alive", "isolated"]),
        ({"state": "joining"}, ["alive", "joining"]),
        ({"admin_state": "maintenance"}, ["alive", "maintenance"]),
        ({"admin_state": "draining", "state": "draining"}, ["alive", "draining"]),
        ({"admin_state": "draining", "verdict": "dead"}, ["dead", "draining"]),
    ],
)
def test_states_of_nodes_are_told_apart_by_words(
    viewer: Client, changes: dict[str, str], words: list[str]
) -> None:
    seeding.cluster(1, 0)
    wanted = {"admin_state": changes.pop("admin_state", "enabled")}
    Node.objects.update(**wanted)
    NodeStatus.objects.update(**changes)

    row = page(viewer, "/nodes/").partition("<tbody>")[2]

    assert re.findall(r"</svg>(\w+)</span>", row) == words


def test_addresses_sort_as_numbers_and_ipv4_comes_first(viewer: Client) -> None:
    made = seeding.cluster(1, 0)
    for address in ("2001:db8::1", "198.18.0.10", "198.18.0.9", "198.18.0.100"):
        Vip.objects.create(subcluster=made.subcluster, address=address)

    expected = ["198.18.0.9", "198.18.0.10", "198.18.0.100", "2001:db8::1"]
    assert shown(viewer, "/vips/") == expected
    assert shown(viewer, "/vips/?sort=-address") == expected[::-1]


def test_filters_order_and_page_are_in_the_url(viewer: Client) -> None:
    made = seeding.cluster(4, 120)
    seeding.cluster(1, 1, "other", prefix="x", block=9)
    VipStatus.objects.filter(vip=made.vips[7]).update(state="stuck", reason="it is stuck")
    Vip.objects.filter(pk=made.vips[8].pk).update(binding="out-9")

    assert shown(viewer, "/vips/?state=bad") == ["198.18.0.8"]
    assert shown(viewer, "/vips/?q=is+stuck") == ["198.18.0.8"]
    assert shown(viewer, "/vips/?q=OUT-9") == ["198.18.0.9"]
    assert shown(viewer, "/vips/?subcluster=other") == ["198.18.9.1"]
    assert len(shown(viewer, "/vips/?owner=mta1")) == 30
    assert shown(viewer, "/vips/?sort=since&subcluster=default")[0] == "198.18.0.120"
    assert shown(viewer, "/vips/?page=3&subcluster=default") == [
        f"198.18.0.{n}" for n in range(101, 121)
    ]
    assert shown(viewer, "/vips/?size=250")[-1] == "198.18.9.1"


@pytest.mark.parametrize(
    "query",
    [
        "sort=nothing&page=0&size=7",
        "page=99999999999999999999&sort=-since",
        "page=-1&state=%00&q=%00",
        "q=" + "x" * 5000,
        "subcluster=%27%3B--&owner=%C3%A9%F0%9F%98%80",
        "before=%F0%9F%98%80&kind=%00&node=%00&vip=1e9",
        "before=9223372036854775807999",
    ],
)
@pytest.mark.parametrize("path", ["/", "/vips/", "/nodes/", "/events/"])
def test_strange_urls_are_answered(viewer: Client, path: str, query: str) -> None:
    seeding.cluster(1, 1)

    page(viewer, f"{path}?{query}")


@pytest.mark.parametrize("path", ["/nodes/a%00b/", "/nodes/%00/if-dies/", "/vips/%00/"])
def test_names_that_no_database_takes_are_not_found(viewer: Client, path: str) -> None:
    assert viewer.get(path).status_code == 404


def test_names_that_are_none_do_not_break_the_page(viewer: Client) -> None:
    seeding.cluster(1, 1)
    seeding.tell("taken", "mta1", vip="198.18.0.1/32", peer="a/b")
    NodeStatus.objects.update(members=["", "../mta1"])

    assert "198.18.0.1/32" in page(viewer, "/events/")
    page(viewer, "/nodes/mta1/")


def test_nodes_sort_and_filter(viewer: Client) -> None:
    seeding.cluster(3, 4)
    seeding.judge("mta2", "suspected")
    NodeStatus.objects.filter(node__name="mta3").update(warnings=["eth0 was changed"])

    assert shown(viewer, "/nodes/?sort=-vips", "node")[0] == "mta1"
    assert shown(viewer, "/nodes/?sort=state", "node")[0] == "mta2"
    assert shown(viewer, "/nodes/?state=suspected", "node") == ["mta2"]
    assert shown(viewer, "/nodes/?q=eth0", "node") == ["mta3"]


def test_events_filter_and_page_by_id(viewer: Client) -> None:
    seeding.cluster(2, 1)
    ids = [seeding.tell("taken", vip="198.18.0.1").pk for _ in range(60)]
    dead = seeding.tell("dead", "mta1", peer="mta2").pk

    assert shown(viewer, "/events/", "event") == [str(one) for one in [dead, *ids[:10:-1]]]
    assert shown(viewer, f"/events/?before={ids[11]}", "event") == [str(n) for n in ids[10::-1]]
    assert shown(viewer, "/events/?node=mta2", "event") == [str(dead)]
    assert shown(viewer, "/events/?kind=dead", "event") == [str(dead)]


def test_only_subclusters_with_a_role_are_shown(client: Client) -> None:
    seeding.cluster(2, 2)
    seeding.cluster(2, 2, "other", prefix="x", block=9)
    seeding.tell("dead", "x1", peer="x2", subcluster="other")
    client.force_login(seeding.user("only", subcluster="default"))

    for path in ("/", "/vips/", "/nodes/", "/events/"):
        assert not re.search(r"198\.18\.9|\bx[12]\b|other</", page(client, path)), path
    for path in ("/vips/198.18.9.1/", "/nodes/x1/", "/nodes/x1/if-dies/"):
        assert client.get(path).status_code == 404


def test_who_has_no_role_is_told_so(client: Client) -> None:
    seeding.cluster(1, 1)
    client.force_login(seeding.user("nobody", role=""))

    assert "no role" in page(client, "/")
    assert shown(client, "/") == []


def test_the_live_part_comes_alone(viewer: Client) -> None:
    seeding.cluster(1, 1)

    part = page(viewer, "/", **{"X-Muster-Part": "live"})

    assert "<html" not in part
    assert 'data-vip="198.18.0.1"' in part


@pytest.mark.parametrize("path", QUERIES)
def test_the_number_of_queries_is_constant(viewer: Client, path: str) -> None:
    found = []
    for nodes, vips, name, block in ((1, 1, "small", 1), (60, 300, "large", 10)):
        seeding.cluster(nodes, vips, name, prefix=f"{name}-", block=block)
        seeding.tell("taken", f"{name}-1", vip=f"198.18.{block}.1", subcluster=name)
        with CaptureQueriesContext(connection) as queries:
            page(viewer, path)
        found.append(len(queries))

    assert found[0] == found[1] <= QUERIES[path]


def test_pages_of_one_node_and_one_vip_cost_the_same_however_much_there_is(viewer: Client) -> None:
    found: dict[str, list[int]] = {"/nodes/mta1/": [], "/vips/198.18.0.1/": []}
    made = seeding.cluster(2, 2)
    for times in (2, 80):
        for _ in range(times):
            seeding.tell("taken", "mta1", vip="198.18.0.1")
        VipStatus.objects.filter(vip__in=made.vips).update(owner="mta1")
        for path, counts in found.items():
            with CaptureQueriesContext(connection) as queries:
                page(viewer, path)
            counts.append(len(queries))

    assert all(few == many <= 12 for few, many in found.values()), found


def test_a_page_says_since_when_it_is_stale(viewer: Client) -> None:
    made = seeding.cluster(1, 1)
    assert 'data-state="live"' in page(viewer, "/")

    from datetime import UTC, datetime

    seeding.hear(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))

    assert made
    assert "stale since 03:04:05" in page(viewer, "/")


def test_nothing_comes_from_elsewhere_and_nothing_is_inline(viewer: Client) -> None:
    seeding.cluster(2, 2)
    for path in ("/", "/nodes/mta1/", "/vips/198.18.0.1/", "/events/", "/login/"):
        answer: Any = viewer.get(path)
        text = answer.content.decode()
        policy = answer["Content-Security-Policy"]

        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert not re.search(r'(src|href|action)="(https?:)?//', text)
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", text)


def test_what_was_learned_late_stands_where_it_happened(viewer: Client) -> None:
    seeding.cluster(2, 1)
    second = seeding.tell("released", "mta1", vip="198.18.0.1", ago=10).pk
    third = seeding.tell("taken", "mta2", vip="198.18.0.1", ago=9).pk
    first = seeding.tell("taken", "mta1", vip="198.18.0.1", ago=20).pk

    order = [str(one) for one in (third, second, first)]
    assert shown(viewer, "/vips/198.18.0.1/", "event") == order


@pytest.mark.parametrize(
    ("event", "sentence"),
    [
        ({"kind": "taken", "vip": "198.18.0.1", "peer": "mta2"}, "198.18.0.1 taken by mta1"),
        ({"kind": "dead", "peer": "mta2"}, "mta2 dead, says mta1"),
        ({"kind": "state", "peer": "mta1", "detail": "ready"}, "mta1 ready"),
    ],
)
def test_the_newest_event_is_told_in_one_line(
    viewer: Client, event: dict[str, str], sentence: str
) -> None:
    seeding.cluster(1, 1)
    seeding.tell(reason="because", **event)

    assert f"{sentence}: because</span></footer>" in page(viewer, "/")


def test_the_time_line_begins_where_the_story_does(viewer: Client) -> None:
    seeding.cluster(1, 1)
    for hours, span in ((0.5, "1h"), (20, "24h"), (100, "7d"), (24 * 60, "24h")):
        seeding.tell("taken", "mta1", vip="198.18.0.1", ago=hours * 3600)

        text = page(viewer, "/vips/198.18.0.1/")

        assert f'href="?span={span}" data-swap aria-current="true"' in text


def test_how_a_vip_stands_is_said_where_it_is_shown(viewer: Client) -> None:
    made = seeding.cluster(2, 4)
    sentence = "mta2 could not take it: its health check fails there"
    addresses = [vip.address for vip in made.vips]
    seeding.set_vip(addresses[0], state="UNSAFE", cause="not-everywhere", note=sentence)
    seeding.set_vip(addresses[1], cause="no-heir", note="no other enabled node is ready")
    seeding.set_vip(addresses[2], state="BROKEN", note="it is an address of mta1 itself")
    seeding.set_vip(addresses[3], state="UNSAFE", cause="hook", note="its hook is not fenced")

    text = page(viewer, "/")

    assert sentence in text
    assert "no heir" in text
    assert "it is an address of mta1 itself" in text
    assert 'id="trouble-vip-UNSAFE"' in text
    assert "2<small>/4</small>" in text
    assert shown(viewer, "/vips/?state=bad") == [addresses[0], addresses[2]]
    assert f"UNSAFE: {sentence}." in page(viewer, f"/vips/{addresses[0]}/")
    assert "owned: no other enabled node is ready." in page(viewer, f"/vips/{addresses[1]}/")
