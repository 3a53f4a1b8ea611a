"""The pages of limits and shared tables: what they show, to whom, and when nobody tells a thing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from cluster_admin.replication.models import TrafficLimit
from tests.web import seeding
from tests.web.counting import Counting, answering

pytestmark = pytest.mark.django_db
PAGES = (
    *("/limits/", "/limits/refusals/", "/limits/explain/", "/limits/explain/?key=192.0.2.1"),
    *("/shared/", "/shared/connections-inbound/", "/shared/connections-inbound/?tree=1"),
    *("/shared/cache/", "/shared/named-throttles/?node=mta1&top=100&span=60&seconds=900"),
)
HOSTILE = "<script>alert(1)</script>@example.org"


@pytest.fixture
def counting(settings: Any, tmp_path: Path) -> Iterator[Counting]:
    home = seeding.cluster().subcluster
    rate = {"subject": "inbound-messages", "most": 100, "window": 60}
    TrafficLimit.objects.create(subcluster=home, name="per-client", per="address", **rate)
    TrafficLimit.objects.create(subcluster=home, name="per-sender", per="sender", **rate)
    TrafficLimit.objects.create(
        subcluster=home, name="open", subject="inbound-open", per="address", most=5, test=True
    )
    settings.MUSTER_SHARED_SOCKET = tmp_path / "shared.sock"
    made = Counting()
    made.window("mta1", "named-throttles", "per-client/192.0.2.1", 100)
    made.window("mta2", "named-throttles", f"per-sender/{HOSTILE}", 85)
    made.gauge("mta1", "connections-inbound", "192.0.2.1", 4)
    made.gauge("mta3", "connections-inbound", "192.0.2.9", 2)
    made.put("mta1", "cache", "greeting", b"<b>hello</b>")
    made.tell()
    made.refuse("mta2", "per-client", "192.0.2.1")
    with answering(settings.MUSTER_SHARED_SOCKET, made):
        yield made


@pytest.fixture
def viewer(counting: Counting) -> Client:
    client = Client()
    client.force_login(seeding.user())
    return client


def text(client: Client, where: str, **headers: str) -> str:
    answer = client.get(where, headers=headers)
    assert answer.status_code == 200, where
    return str(answer.content.decode())


@pytest.mark.parametrize("where", PAGES)
def test_a_page_is_whole_and_its_live_part_is_a_part_of_it(viewer: Client, where: str) -> None:
    whole, part = text(viewer, where), text(viewer, where, X_Muster_Part="live")

    assert 'aria-current="page">Limits</a>' in whole
    assert "<nav" not in part
    assert part.splitlines()[0] in whole


def test_limits_are_shown_by_how_near_they_are_to_being_reached(viewer: Client) -> None:
    page = text(viewer, "/limits/")

    order = [page.index(f'id="limit-default-{name}"') for name in ("per-client", "per-sender")]
    assert order == sorted(order)
    assert 'data-state="reached"' in page
    assert 'data-state="near"' in page
    assert 'data-state="tried"' in page
    assert "100/60s" in page
    assert "had 100 of 100 counted on all nodes: limit per-client was reached" in page


def test_it_is_explained_why_somebody_was_refused(viewer: Client) -> None:
    page = text(viewer, "/limits/explain/?key=192.0.2.1")

    assert 'data-limit="per-client"' in page
    assert "asked at RCPT" in page
    assert '<a href="/nodes/mta1/">mta1</a> 100' in page
    assert "so it was told to come again" in page
    assert "No limit applies to it" in text(viewer, "/limits/explain/?key=example.net")


def test_what_nodes_tell_is_no_markup(viewer: Client) -> None:
    for where in ("/limits/", "/shared/named-throttles/", "/shared/cache/"):
        page = text(viewer, where)
        assert "<script>alert" not in page
        assert "<b>hello" not in page


def test_top_talkers_of_all_of_one_node_and_as_a_tree(viewer: Client) -> None:
    every = text(viewer, "/shared/connections-inbound/")
    one = text(viewer, "/shared/connections-inbound/?node=mta3")
    tree = text(viewer, "/shared/connections-inbound/?tree=1")

    assert "2 keys, 6 together" in every
    assert every.index("192.0.2.1<") < every.index("192.0.2.9<")
    assert "of mta3 alone" in one
    assert "192.0.2.1<" not in one
    assert 'class="mono level-0">192.0.2.0/28' in tree
    assert 'class="mono level-1">192.0.2.9' in tree
    assert "Sum of all nodes" in every


def test_a_cell_of_a_limit_leads_to_whom_it_is_about(viewer: Client) -> None:
    assert "/limits/explain/?key=192.0.2.1&amp;" in text(viewer, "/shared/named-throttles/")


def test_tables_and_nodes_are_listed(viewer: Client) -> None:
    page = text(viewer, "/shared/")

    assert 'data-table="connections-inbound"' in page
    assert "counts</span>" in page
    assert "Nothing was told by mta1, mta3" in page
    assert "mta2" in page


@pytest.mark.parametrize(
    ("where", "sentence"),
    [
        ("/shared/none/", "there is no table none"),
        ("/shared/cache/?node=mta9", "there is no node mta9"),
        ("/shared/cache/?top=x", "write 1 to 1,000"),
        ("/limits/?seconds=5", "write 60 to 86,400"),
        ("/limits/?subcluster=nowhere", "none that you may read"),
    ],
)
def test_what_makes_no_sense_is_said_on_the_page(viewer: Client, where: str, sentence: str) -> None:
    assert sentence in text(viewer, where)


def test_nobody_sees_limits_of_other_subclusters(counting: Counting) -> None:
    seeding.cluster(1, 1, "other", prefix="o", block=1)
    client = Client()
    client.force_login(seeding.user("sven", "viewer", "other"))

    assert "per-client" not in text(client, "/limits/")
    assert "192.0.2.1" not in text(client, "/limits/refusals/")
    assert "none that you may read" in text(client, "/shared/cache/?subcluster=default")
    assert Client().get("/limits/").status_code == 302


@pytest.mark.parametrize("where", PAGES)
def test_without_a_listener_a_page_says_what_to_do(
    settings: Any, tmp_path: Path, where: str
) -> None:
    settings.MUSTER_SHARED_SOCKET = tmp_path / "none.sock"
    seeding.cluster()
    client = Client()
    client.force_login(seeding.user())

    page = text(client, where)

    assert "muster-listener" in page or where == "/limits/explain/"
