"""A small cluster and its people for the tests of the admin: two subclusters, four roles."""

from dataclasses import dataclass

from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from cluster_admin.accounts.models import Grant, User
from cluster_admin.accounts.roles import Role
from cluster_admin.accounts.tokens import make_token
from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs.models import Application, Deployment, Replica
from cluster_admin.configs.proposal_models import Proposal, ReviewRule
from cluster_admin.configs.rollout_models import Rollout
from cluster_admin.configs.submitting import submit
from cluster_admin.events.models import (
    Cursor,
    Event,
    ListenerStatus,
    Notification,
    NotificationTarget,
)
from cluster_admin.inventory import services
from cluster_admin.inventory.models import (
    Node,
    NodeStatus,
    Segment,
    Setting,
    Subcluster,
    Topology,
)
from cluster_admin.logs.models import LogSource, LogSubscriber
from cluster_admin.logs.shipping_models import Shipping
from cluster_admin.replication.models import (
    LimitExemption,
    Limiting,
    ReplicatedTable,
    TrafficLimit,
)
from cluster_admin.vips.models import Vip, VipStatus
from workers.repository.core.changes import Entry

ACTOR = Actor("tester")
PASSWORD = "a long word"  # noqa: S105 - of people who live for one test
NETWORKS = {"default": "198.18.0", "staging": "198.18.1"}


@dataclass(frozen=True)
class Cluster:
    """Rows by their names."""

    default: Subcluster
    staging: Subcluster


def make_cluster() -> Cluster:
    """Two subclusters with two nodes and two VIPs each, and one of everything else."""
    made = {name: make_subcluster(name, net) for name, net in NETWORKS.items()}
    now = timezone.now()
    event = Event.objects.create(
        **{"subcluster": "default", "node": "default-mta1", "incarnation": 1, "number": 1},
        **{"time": now, "received_at": now, "kind": "taken", "vip": "198.18.0.101"},
    )
    Cursor.objects.create(subcluster="default", node="default-mta1", incarnation=1, moved_at=now)
    target = NotificationTarget.objects.create(kind="mail", address="ops@example.net")
    Notification.objects.create(
        **{"event": event, "target": target, "topic": "moved", "subcluster": "default"},
        **{"created_at": now, "next_at": now},
    )
    audit.record(ACTOR, "create", kind="VIP", object="198.18.0.101", subcluster="default")
    ListenerStatus.objects.create(name="here", started_at=now, alive_at=now, heard_at=now)
    make_configuration(made["default"])
    return Cluster(**made)


def make_configuration(home: Subcluster) -> None:
    """One of everything that there is about its configuration; revisions there are already."""
    now, about = timezone.now(), {"node": f"{home}-mta1", "subcluster": home.name}
    Deployment.objects.create(subcluster=home, mode="manual", revision=1)
    Replica.objects.create(**about, number=1, live=1, heard_at=now)
    Application.objects.create(**about, at=now, revision=1, outcome="applied")
    Shipping.objects.create(**about, subscriber="archive", heard_at=now)
    Rollout.objects.create(
        subcluster=home.name, revision=1, phase="done", state={}, started_by="ann", started_at=now
    )
    ReviewRule.objects.create(place=home.name)
    change: dict[str, Entry | None] = {f"{home}/default/motd": Entry(b"hello\n")}
    submitted = submit(ACTOR, change, "Greet", base=1)
    assert isinstance(submitted, Proposal)


def make_subcluster(name: str, net: str, nodes: int = 2, vips: int = 2) -> Subcluster:
    """A subcluster with a state of everything in it."""
    segment, _ = Segment.objects.get_or_create(name="hall")
    row = Subcluster.objects.create(name=name)
    with services.change(row, ACTOR, "first"):
        Topology.objects.create(
            subcluster=row, cidr=f"{net}.0/24", interface="eth0", segment=segment
        )
        Setting.objects.create(subcluster=row, name="probe_count", value=4)
        LogSource.objects.create(subcluster=row, name="mail", path="/var/log/mail.log")
        LogSubscriber.objects.create(subcluster=row, name="manager")
        ReplicatedTable.objects.create(subcluster=row, name="inbound", type="connections-inbound")
        rate = {"subject": "inbound-messages", "per": "address", "most": 100, "window": 60}
        TrafficLimit.objects.create(subcluster=row, name="per-client", **rate)
        LimitExemption.objects.create(subcluster=row, name="office", key="198.18.9.0/24")
        Limiting.objects.create(subcluster=row, test=True)
        for number in range(1, nodes + 1):
            node = Node.objects.create(
                subcluster=row,
                name=f"{name}-mta{number}",
                address=f"{net}.{10 + number}",
                segment=segment,
            )
            NodeStatus.objects.create(node=node, verdict="alive", state="active", revision=1)
        for number in range(1, vips + 1):
            vip = Vip(subcluster=row, address=f"{net}.{100 + number}")
            vip.full_clean()
            vip.save()
            VipStatus.objects.create(vip=vip, state="owned", owner=f"{name}-mta1")
    return row


def make_user(name: str, role: Role | None = None, subcluster: str = "") -> User:
    """Somebody who may open the admin."""
    user: User = get_user_model().objects.create_user(name, password=PASSWORD, is_staff=True)
    if role:
        Grant.objects.create(user=user, role=role, subcluster=subcluster)
    return user


def client_of(user: User) -> Client:
    """A browser in which somebody is logged in."""
    client = Client()
    client.force_login(user)
    return client


def make_superuser() -> User:
    """Somebody who may do everything, with a token."""
    user: User = get_user_model().objects.create_superuser("chief", password=PASSWORD)
    make_token(user, "first")
    return user
