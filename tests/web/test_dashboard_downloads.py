"""CSV of every table: all rows, safe to open in a spreadsheet."""

import csv
import io

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient

from cluster_admin.inventory.models import NodeStatus
from cluster_admin.rest.spreadsheets import safe
from cluster_admin.vips.models import Vip
from tests.web import seeding

pytestmark = pytest.mark.django_db(transaction=True)


def download(path: str) -> list[dict[str, str]]:
    """The rows of a CSV; as the ASGI server streams them."""

    async def ask() -> str:
        client = AsyncClient()
        await client.aforce_login(await seeding.User.objects.aget(username="viewer"))
        answer = await client.get(path)
        assert answer["Content-Type"] == "text/csv; charset=utf-8"
        assert "attachment" in answer["Content-Disposition"]
        return b"".join([piece async for piece in answer.streaming_content]).decode()

    return list(csv.DictReader(io.StringIO(async_to_sync(ask)())))


@pytest.fixture(autouse=True)
def made() -> seeding.Seeded:
    seeding.user()
    return seeding.cluster(3, 60)


def test_all_vips_that_the_filters_ask_for(made: seeding.Seeded) -> None:
    Vip.objects.filter(pk=made.vips[0].pk).update(description="=cmd|'/C calc'!A0", prefer=["mta2"])

    rows = download("/vips/?format=csv&sort=-address&page=2")

    assert [row["address"] for row in rows] == [f"198.18.0.{n}" for n in range(60, 0, -1)]
    assert rows[-1]["description"] == "'=cmd|'/C calc'!A0"
    assert rows[-1]["place"] == "prefers mta2"
    assert {row["owner"] for row in download("/vips/?format=csv&owner=mta2")} == {"mta2"}


def test_all_nodes() -> None:
    NodeStatus.objects.filter(node__name="mta2").update(warnings=["+1 is wrong"], late=True)

    rows = download("/nodes/?format=csv&sort=-vips")

    assert {row["node"]: row["vips"] for row in rows} == {"mta1": "20", "mta2": "20", "mta3": "20"}
    assert next(row for row in rows if row["node"] == "mta2")["notes"].endswith("; +1 is wrong")


def test_all_events() -> None:
    for _ in range(70):
        seeding.tell("taken", vip="198.18.0.1", reason="-it died")

    rows = download("/events/?format=csv&vip=198.18.0.1")

    assert len(rows) == 70
    assert rows[0]["reason"] == "'-it died"


def test_all_moves() -> None:
    rows = download("/nodes/mta1/if-dies/?format=csv")

    assert {row["vip"] for row in rows} == {f"198.18.0.{n}" for n in range(1, 61, 3)}
    assert {row["to"] for row in rows} == {"mta2", "mta3"}


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_texts_are_no_formulas(text: str) -> None:
    assert safe(text) == f"'{text}"
    assert safe(-1) == -1
