"""A manager's database with a large fleet in it: 1,000 nodes and 10,240 VIPs, all reported on.

Made in a directory of its own, never in the project's. Django is set up for it when this is used,
so a process can have one fleet only.
"""

import os
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NODES, VIPS = 1_000, 10_240
NODES_PER_SUBCLUSTER = 50
PASSWORD = secrets.token_urlsafe(12)
SMALL = (4, 40)


def environment(directory: Path) -> dict[str, str]:
    """What the manager's processes are told."""
    return {
        "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.production",
        "DATABASE_URL": f"sqlite:///{directory}/muster.sqlite3",
        "MUSTER_DATA_DIRECTORY": str(directory),
        "MUSTER_SECRET_KEY": secrets.token_urlsafe(40),
        "MUSTER_ALLOWED_HOSTS": "127.0.0.1,testserver",
        "MUSTER_CLUSTER": "bench",
        "MUSTER_PLAIN_HTTP": "1",
    }


def set_up(directory: Path) -> None:
    """Make the database and its first account in this process."""
    os.environ.update(environment(directory))
    import django

    django.setup()
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    users: Any = get_user_model().objects
    users.create_superuser("admin", password=PASSWORD)


def fill(nodes: int, vips: int) -> None:
    """Add rows until there are so many nodes and VIPs, spread evenly over the subclusters."""
    from cluster_admin.inventory.models import Node, NodeStatus, Subcluster, Topology
    from cluster_admin.vips.models import Vip, VipStatus, address_key

    now = datetime.now(UTC)
    have = Node.objects.count()
    made = [_place(number) for number in range(have, nodes)]
    for name in sorted({place[0] for place in made}):
        subcluster, new = Subcluster.objects.get_or_create(name=name, defaults={"revision": 1})
        if new:
            Topology.objects.create(subcluster=subcluster, cidr="10.0.0.0/8", interface="eth0")
    subclusters = {row.name: row for row in Subcluster.objects.all()}
    rows = [Node(subcluster=subclusters[s], name=n, address=a) for s, n, a in made]
    Node.objects.bulk_create(rows, batch_size=500)
    NodeStatus.objects.bulk_create(
        [
            NodeStatus(node=row, verdict="alive", state="ready", revision=1, heard_at=now)
            for row in rows
        ],
        batch_size=500,
    )
    names = list(Node.objects.values_list("name", "subcluster_id"))
    first = Vip.objects.count()
    addresses = [f"10.{100 + n // 60000}.{n // 250 % 240}.{n % 250 + 1}" for n in range(vips)]
    vip_rows = [
        Vip(
            subcluster_id=names[n % len(names)][1],
            address=addresses[n],
            address_key=address_key(addresses[n]),
        )
        for n in range(first, vips)
    ]
    Vip.objects.bulk_create(vip_rows, batch_size=500)
    VipStatus.objects.bulk_create(
        [
            VipStatus(
                vip=row,
                state="owned",
                owner=names[n % len(names)][0],
                epoch=3,
                since=now,
                seen_at=now,
                reason="its owner died",
            )
            for n, row in enumerate(vip_rows, start=first)
        ],
        batch_size=500,
    )


def _place(number: int) -> tuple[str, str, str]:
    """(subcluster, node, address) of the node with this number."""
    subcluster = f"site{number // NODES_PER_SUBCLUSTER + 1:02d}"
    return subcluster, f"mta{number + 1:04d}", f"10.200.{number // 250}.{number % 250 + 1}"
