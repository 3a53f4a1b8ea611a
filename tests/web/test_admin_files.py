"""Definitions files in the admin: taken in after a check, given out, gone back to; lists as CSV."""

import csv

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from cluster_admin.accounts.roles import Role
from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory import repository
from cluster_admin.inventory.models import Node, Revision, Subcluster
from cluster_admin.vips.models import Vip
from tests.web.admin_fixtures import (
    Cluster,
    client_of,
    make_cluster,
    make_superuser,
    make_user,
)

pytestmark = pytest.mark.django_db
IMPORT = reverse("admin:inventory_subcluster_import")


@pytest.fixture
def cluster() -> Cluster:
    return make_cluster()


@pytest.fixture
def chief(cluster: Cluster) -> Client:
    return client_of(make_superuser())


def edited(subcluster: Subcluster, old: str, new: str) -> str:
    """The newest file as somebody edits it: without its first line."""
    text = repository.newest_text(Subcluster.objects.get(pk=subcluster.pk))
    return text.split("\n", 1)[1].replace(old, new)


def test_a_file_is_given_out_as_nodes_have_it(chief: Client, cluster: Cluster) -> None:
    address = reverse("admin:inventory_subcluster_definitions", args=(cluster.default.pk,))
    response = chief.get(address)

    assert response.content.decode() == repository.newest_text(cluster.default)
    assert 'filename="default.toml"' in response["Content-Disposition"]


def test_a_pasted_file_is_checked_then_imported(chief: Client, cluster: Cluster) -> None:
    text = edited(cluster.default, "198.18.0.102", "198.18.0.110")
    page = chief.post(IMPORT, {"text": text, "_check": "1"}).content.decode()
    assert "+[vip.&quot;198.18.0.110&quot;]" in page
    assert "Nothing is imported yet" in page
    assert not Vip.objects.filter(address="198.18.0.110").exists()

    response = chief.post(IMPORT, {"text": text, "_import": "1", "reason": "renumbered"})
    assert response.status_code == 302
    assert Vip.objects.filter(address="198.18.0.110").exists()
    assert Revision.objects.get(subcluster=cluster.default, number=2).comment == "renumbered"


def test_an_uploaded_file_makes_a_new_subcluster(chief: Client, cluster: Cluster) -> None:
    text = edited(cluster.default, "default", "edge").replace("198.18.0", "198.18.7")
    file = SimpleUploadedFile("edge.toml", text.encode())
    chief.post(IMPORT, {"file": file, "_check": "1"})
    assert not Subcluster.objects.filter(name="edge").exists()

    file.seek(0)
    assert chief.post(IMPORT, {"file": file, "_import": "1"}).status_code == 302
    assert Node.objects.filter(subcluster__name="edge").count() == 2


@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ({}, "choose a file"),
        ({"text": "nonsense ="}, "definitions:1"),
        ({"text": "a\0b"}, "Null characters"),
        ({"text": "x" * 5_000_000}, "at most"),
        ({"file": SimpleUploadedFile("x", b"\xff\xfe")}, "not text in UTF-8"),
        ({"file": SimpleUploadedFile("x", b"x" * 5_000_000)}, "are too many"),
        ({"text": 'format = 1\ncluster = "other"\nsubcluster = "default"\nrevision = 1'}, "is for"),
    ],
)
def test_a_file_that_cannot_be_is_refused(
    chief: Client, cluster: Cluster, sent: dict[str, object], sentence: str
) -> None:
    response = chief.post(IMPORT, {"_import": "1", **sent})

    assert sentence in response.content.decode()
    assert Revision.objects.count() == 2
    assert AuditRecord.objects.get(outcome="refused").action == "import"


def test_a_node_of_another_subcluster_is_refused(chief: Client, cluster: Cluster) -> None:
    text = edited(cluster.default, "default-mta2", "staging-mta1")

    page = chief.post(IMPORT, {"text": text, "_import": "1"}).content.decode()
    assert "a node is in one only" in page


@pytest.mark.parametrize(("name", "status"), [("default", 302), ("staging", 403), ("edge", 403)])
def test_importing_needs_the_role_where_the_file_goes(
    cluster: Cluster, name: str, status: int
) -> None:
    client = client_of(make_user("somebody", Role.ADMIN, "default"))
    source = cluster.staging if name == "staging" else cluster.default
    text = edited(source, "default", name) if name == "edge" else edited(source, "", "")
    sent = {"text": text, "_import": "1"}

    assert client.post(IMPORT, sent).status_code == status
    attempts = AuditRecord.objects.filter(outcome="denied", action="import").count()
    assert attempts == (status == 403)


def test_an_old_revision_becomes_the_newest_again(chief: Client, cluster: Cluster) -> None:
    text = edited(cluster.default, "198.18.0.102", "198.18.0.110")
    chief.post(IMPORT, {"text": text, "_import": "1"})
    first = Revision.objects.get(subcluster=cluster.default, number=1)
    page = chief.get(reverse("admin:inventory_revision_change", args=(first.pk,))).content.decode()
    assert "[vip.&quot;198.18.0.102&quot;]" in page
    address = reverse("admin:inventory_revision_revert", args=(first.pk,))
    assert address in page
    assert "-[vip.&quot;198.18.0.110&quot;]" in chief.get(address).content.decode()

    chief.post(address, {"confirmed": "1", "reason": "mistake"})
    newest = Revision.objects.filter(subcluster=cluster.default).order_by("-number")[0]
    assert (newest.number, newest.comment) == (3, "back to r1: mistake")
    assert Vip.objects.filter(address="198.18.0.102").exists()

    chosen = {"action": "revert", "_selected_action": [first.pk, newest.pk]}
    chief.post(reverse("admin:inventory_revision_changelist"), chosen | {"confirmed": "1"})
    assert Revision.objects.filter(subcluster=cluster.default).count() == 3


def test_going_back_needs_the_role(cluster: Cluster) -> None:
    client = client_of(make_user("somebody", Role.OPERATOR, "default"))
    first = Revision.objects.get(subcluster=cluster.default)
    address = reverse("admin:inventory_revision_revert", args=(first.pk,))

    assert client.post(address, {"confirmed": "1"}).status_code == 403


def test_a_list_goes_out_as_csv_without_formulas(chief: Client, cluster: Cluster) -> None:
    row = Vip.objects.get(address="198.18.0.101")
    Vip.objects.filter(pk=row.pk).update(description="=1+1")
    sent = {"action": "export_csv", "_selected_action": [row.pk]}
    response = chief.post(reverse("admin:vips_vip_changelist"), sent | {"index": "0"})
    (found,) = csv.DictReader(response.content.decode().splitlines())

    assert found["address"] == "198.18.0.101"
    assert (found["state"], found["owner"]) == ("owned", "default-mta1")
    assert found["description"] == "'=1+1"
