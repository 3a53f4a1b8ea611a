"""Changing what defines a subcluster: rows, revision and audit together, or nothing."""

import pytest
from django.core.exceptions import ValidationError

from cluster_admin.audit.actor import Actor
from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory import push, repository, services
from cluster_admin.inventory.models import Node, Segment, Setting, Subcluster, Topology
from cluster_admin.vips.models import Vip

pytestmark = pytest.mark.django_db
ACTOR = Actor("tester", source="192.0.2.7", via="api")


@pytest.fixture
def subcluster() -> Subcluster:
    made = Subcluster.objects.create(name="default")
    with services.change(made, ACTOR, "first"):
        for row in (
            Topology(subcluster=made, cidr="198.18.0.0/24", interface="eth0"),
            Node(subcluster=made, name="mta1", address="198.18.0.11"),
            Node(subcluster=made, name="mta2", address="198.18.0.12"),
            Vip(subcluster=made, address="198.18.0.101"),
        ):
            row.full_clean()
            row.save()
    return made


def _add(subcluster: Subcluster, **values: object) -> services.Change:
    with services.change(subcluster, ACTOR, "because") as done:
        row = Vip(subcluster=subcluster, **values)
        row.full_clean()
        row.save()
        done.note("create", row)
    return done


def test_a_change_makes_a_revision_and_an_audit_record(subcluster: Subcluster) -> None:
    done = _add(subcluster, address="198.18.0.102", prefer=["mta2"])

    assert (done.revision, subcluster.revision) == (2, 2)
    assert '+[vip."198.18.0.102"]' in done.diff
    record = AuditRecord.objects.get(object="198.18.0.102")
    assert (record.actor, record.source, record.reason) == ("tester", "192.0.2.7", "because")
    assert record.after["prefer"] == ["mta2"]
    assert '[vip."198.18.0.102"]' in repository.newest_text(subcluster)


def test_a_dry_run_tells_and_changes_nothing(subcluster: Subcluster) -> None:
    with services.change(subcluster, ACTOR, dry_run=True) as done:
        Vip(subcluster=subcluster, address="198.18.0.102").save()

    assert done.revision == 2
    assert "198.18.0.102" in done.diff
    assert subcluster.revisions.count() == 1
    assert not Vip.objects.filter(address="198.18.0.102").exists()


def test_a_change_that_nodes_do_not_see_makes_no_revision(subcluster: Subcluster) -> None:
    with services.change(subcluster, ACTOR) as done:
        subcluster.description = "in the cellar"
        subcluster.save(update_fields=["description"])

    assert (done.diff, done.revision) == ("", 1)


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"address": "203.0.113.5"}, "__all__", "in no topology"),
        ({"address": "198.18.0.11"}, "__all__", "own address"),
        ({"address": "198.18.0.101"}, "address", "already exists"),
        ({"address": "nonsense"}, "address", "is not an address"),
        ({"address": "198.18.0.102", "prefer": ["mta9"]}, "prefer", "mta9, not defined"),
        ({"address": "198.18.0.102", "prefer": "mta1"}, "prefer", "list of texts"),
        ({"address": "198.18.0.102", "description": "a\nb"}, "description", "control characters"),
    ],
)
def test_a_vip_that_cannot_work_is_refused(
    subcluster: Subcluster, values: dict[str, object], field: str, words: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        _add(subcluster, **values)

    assert words in " ".join(caught.value.message_dict[field])
    assert subcluster.revisions.count() == 1


def test_followers_in_a_circle_and_with_a_preference_are_refused(subcluster: Subcluster) -> None:
    first = Vip.objects.get(address="198.18.0.101")
    _add(subcluster, address="198.18.0.102", follow=first)
    first.follow = Vip.objects.get(address="198.18.0.102")
    with pytest.raises(ValidationError, match="follows itself"):
        first.full_clean()
    with pytest.raises(ValidationError, match="contradict"):
        _add(subcluster, address="198.18.0.103", prefer=["mta1"], follow=first)


def test_a_vip_across_segments_is_refused(subcluster: Subcluster) -> None:
    left, right = (Segment.objects.create(name=name) for name in ("left", "right"))
    subcluster.topology_set.update(segment=left)
    node = Node.objects.get(name="mta2")
    node.segment = right

    with pytest.raises(ValidationError, match="segment"):
        node.full_clean()


def test_what_is_used_is_not_removed(subcluster: Subcluster) -> None:
    _add(subcluster, address="198.18.0.102", prefer=["mta2"])

    with (
        pytest.raises(services.Refused, match="mta2, not defined"),
        services.change(subcluster, ACTOR),
    ):
        Node.objects.get(name="mta2").delete()
    assert Node.objects.filter(name="mta2").exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("lease_ttl", 1, "lease_ttl is 1 s"),
        ("lease_ttl", "long", "write a whole number"),
        ("heartbeat_interval", True, "write a number"),
        ("partition_policy", "both", "cover or quorum"),
        ("heartbeat_interval", [1], "write a number"),
    ],
)
def test_a_setting_out_of_bounds_is_refused(
    subcluster: Subcluster, name: str, value: object, words: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Setting(subcluster=subcluster, name=name, value=value).full_clean()

    assert words in str(caught.value)


def test_draining_is_a_revision_that_says_so(subcluster: Subcluster) -> None:
    done = services.set_admin_state(Node.objects.get(name="mta1"), "draining", ACTOR, "new disk")

    assert '+state = "draining"' in done.diff
    assert services.set_admin_state(Node.objects.get(name="mta1"), "draining", ACTOR).diff == ""


def test_an_imported_file_is_at_least_as_new_as_on_the_nodes(subcluster: Subcluster) -> None:
    text = repository.newest_text(subcluster).split("\n", 1)[1]
    seventh = text.replace("revision = 1\n", "revision = 7\n").replace(
        "198.18.0.101", "198.18.0.103"
    )

    assert services.import_text(subcluster, seventh, ACTOR).revision == 7
    assert "\nrevision = 7\n" in repository.newest_text(subcluster)
    assert services.import_text(subcluster, seventh, ACTOR).revision == 7
    ninth = seventh.replace("revision = 7\n", "revision = 9\n")
    assert services.import_text(subcluster, ninth, ACTOR, dry_run=True).revision == 9
    assert services.import_text(subcluster, ninth, ACTOR).revision == 9
    assert services.import_text(subcluster, text, ACTOR).revision == 10
    assert [one.number for one in subcluster.revisions.order_by("number")] == [1, 7, 9, 10]
    assert "198.18.0.103" in repository.text_before(subcluster, 9)


def test_a_file_takes_no_vip_of_another_subcluster(subcluster: Subcluster) -> None:
    other = Subcluster.objects.create(name="other")
    theirs = repository.newest_text(subcluster).split("\n", 1)[1].replace("mta", "other-mta")

    with pytest.raises(services.Refused, match=r"VIP 198\.18\.0\.101 is in subcluster default"):
        services.import_text(other, theirs.replace('"default"', '"other"'), ACTOR)

    assert not other.revisions.exists()


def test_a_file_ahead_of_every_node_is_refused(subcluster: Subcluster) -> None:
    text = repository.newest_text(subcluster).split("\n", 1)[1]
    far = text.replace("revision = 1\n", f"revision = {(1 << 53) - 1}\n")

    with pytest.raises(services.Refused, match="write a revision of at most 1000001"):
        services.import_text(subcluster, far, ACTOR)
    assert subcluster.revisions.count() == 1


def test_who_may_not_make_segments_makes_none_by_a_file(subcluster: Subcluster) -> None:
    text = repository.newest_text(subcluster).split("\n", 1)[1]
    placed = text.replace('interface = "eth0"', 'interface = "eth0"\nsegment = "rack-1"')

    with pytest.raises(services.Refused, match="there is no segment rack-1"):
        services.import_text(subcluster, placed, ACTOR)
    assert not Segment.objects.exists()

    services.import_text(subcluster, placed, ACTOR, add_segments=True)
    assert services.import_text(subcluster, placed, ACTOR).diff == ""


def test_a_node_that_was_removed_is_told_once_more(subcluster: Subcluster) -> None:
    with services.change(subcluster, ACTOR):
        Node.objects.get(name="mta2").delete()
    subcluster.refresh_from_db()
    assert push.addressees(subcluster) == ["mta1", "mta2"]

    _add(subcluster, address="198.18.0.102")
    subcluster.refresh_from_db()
    assert push.addressees(subcluster) == ["mta1"]
