"""Clusters as rows, made in one go: for tests of pages and for looking at them without a lab."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.db import transaction

from cluster_admin.accounts.models import Grant, User
from cluster_admin.events.models import Event, ListenerStatus
from cluster_admin.inventory.models import Node, NodeStatus, Subcluster, Topology
from cluster_admin.vips.models import Vip, VipStatus, address_key

PASSWORD = "correct horse battery"  # noqa: S105
REASON = "it had no owner"


@dataclass(frozen=True, slots=True)
class Seeded:
    """What was made."""

    subcluster: Subcluster
    nodes: list[Node]
    vips: list[Vip]


def user(name: str = "viewer", role: str = "viewer", subcluster: str = "", **values: Any) -> User:
    """A user with a role; none when `role` is empty."""
    made: User = User.objects.create_user(name, password=PASSWORD, **values)
    if role:
        Grant.objects.create(user=made, role=role, subcluster=subcluster)
    return made


def cluster(
    nodes: int = 3, vips: int = 24, name: str = "default", *, prefix: str = "mta", block: int = 0
) -> Seeded:
    """A subcluster in which all is well; VIPs go round the nodes, addresses from 198.18.`block`."""
    now = datetime.now(UTC)
    subcluster = Subcluster.objects.create(name=name, revision=1)
    Topology.objects.create(subcluster=subcluster, cidr="198.18.0.0/15", interface="eth0")
    made = Node.objects.bulk_create(
        Node(
            subcluster=subcluster,
            name=f"{prefix}{n + 1}",
            address=f"10.{block}.{n // 250}.{n % 250 + 1}",
        )
        for n in range(nodes)
    )
    names = [node.name for node in made]
    NodeStatus.objects.bulk_create(
        NodeStatus(
            node=node,
            verdict="alive",
            state="ready",
            incarnation=1,
            revision=1,
            known_revision=1,
            members=names[:50],
            agreed=True,
            mature=True,
            rings={"a": True, "b": True},
            heard_at=now,
            changed_at=now - timedelta(hours=5),
        )
        for node in made
    )
    addresses = [f"198.18.{block + n // 200}.{n % 200 + 1}" for n in range(vips)]
    rows = Vip.objects.bulk_create(
        Vip(subcluster=subcluster, address=one, address_key=address_key(one)) for one in addresses
    )
    VipStatus.objects.bulk_create(
        VipStatus(
            vip=row,
            state="owned",
            owner=names[n % len(names)],
            epoch=1,
            since=now - timedelta(minutes=3 * n + 1),
            reason=REASON,
            holders=[names[n % len(names)]],
            seen_at=now,
        )
        for n, row in enumerate(rows)
    )
    hear(now)
    return Seeded(subcluster, made, rows)


def hear(moment: datetime | None = None) -> None:
    """The listener heard the bus at that moment, now unless said."""
    moment = moment or datetime.now(UTC)
    ListenerStatus.objects.update_or_create(
        name="manager",
        defaults={
            "started_at": moment,
            "alive_at": moment,
            "heard_at": moment,
            "connected": True,
            "broker": "connected to 127.0.0.1:5672",
        },
    )


def tell(kind: str, node: str = "mta1", *, ago: float = 0, **values: Any) -> Event:
    """An event, `ago` seconds old."""
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    last = Event.objects.filter(node=node).order_by("-number").first()
    usual = {"subcluster": "default", "incarnation": 1, "time": moment, "received_at": moment}
    number = last.number + 1 if last else 1
    return Event.objects.create(node=node, number=number, kind=kind, **usual | values)


def move(address: str, to: str, reason: str = "its owner died") -> None:
    """A VIP goes to another node, as the listener would write it."""
    now = datetime.now(UTC)
    status = VipStatus.objects.get(vip__address=address)
    epoch = status.epoch + 1
    values = {"owner": to, "previous": status.owner, "epoch": epoch, "holders": [to]}
    with transaction.atomic():
        set_vip(address, state="owned", since=now, reason=reason, **values)
        tell(
            *("taken", to),
            **{"vip": address, "peer": status.owner, "reason": reason, "epoch": epoch},
            **{"actor": "failure", "gap_ms": 612.4, "view": "0badcafe"},
        )


def set_vip(address: str, **values: Any) -> None:
    """A VIP is otherwise than before."""
    VipStatus.objects.filter(vip__address=address).update(seen_at=datetime.now(UTC), **values)


def judge(node: str, verdict: str, **values: Any) -> None:
    """The others judge a node, as the listener would write it."""
    now = datetime.now(UTC)
    NodeStatus.objects.filter(node__name=node).update(verdict=verdict, changed_at=now, **values)


def end_sessions() -> None:
    """Everybody has to log in again."""
    Session.objects.all().delete()


def beat() -> None:
    """What the listener writes every second."""
    hear()
    living = NodeStatus.objects.filter(verdict__in=("alive", "suspected"))
    living.update(heard_at=datetime.now(UTC))


def stage() -> None:
    """A small cluster with some history, and a user of every kind: password `PASSWORD`."""
    made = cluster(4, 24)
    for role in ("viewer", "operator"):
        user(role, role)
    user("admin", is_staff=True, is_superuser=True)
    hours = 3600
    for vip in made.vips[:3]:
        here = {"vip": vip.address}
        tell("taken", "mta2", ago=20 * hours, reason=REASON, epoch=1, **here)
        died = {"reason": "its owner died", "actor": "failure", "gap_ms": 640.2}
        tell("taken", "mta1", ago=9 * hours, peer="mta2", epoch=2, **died, **here)
        tell("conflict", "mta1", ago=7 * hours, peer="mta3", **here)
        reason = "another node is its place in the assignment"
        tell("released", "mta1", ago=4 * hours, peer="mta3", reason=reason, epoch=2, **here)
        balanced = {"reason": reason, "actor": "balance", "gap_ms": 3.1}
        tell("taken", "mta3", ago=4 * hours, peer="mta1", epoch=3, **balanced, **here)
        since = datetime.now(UTC) - timedelta(hours=4)
        set_vip(vip.address, owner="mta3", holders=["mta3"], since=since, epoch=3)
    tell("dead", "mta1", ago=9 * hours + 1, peer="mta2")
    first = {"prefer": ["mta3", "mta1"], "binding": "out-1", "description": "first outbound"}
    Vip.objects.filter(pk=made.vips[0].pk).update(check_command="tcp:25", **first)
    Vip.objects.filter(pk=made.vips[1].pk).update(follow=made.vips[0])
