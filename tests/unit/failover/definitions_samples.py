"""Definitions that the tests of their text form share."""

from workers.failover.core.definitions import (
    AdminState,
    AnnounceTo,
    Definitions,
    Knobs,
    Node,
    PartitionPolicy,
    Topology,
    Vip,
)
from workers.logs.core.definitions import Logs, Source, Subscriber

PLAIN = Definitions(
    cluster="demo",
    subcluster="default",
    revision=7,
    topologies=(Topology("198.18.0.0/24", "eth0"),),
    nodes={"mta1": Node("mta1", "198.18.0.11")},
    vips={address: Vip(address) for address in ("198.18.0.101", "198.18.0.9")},
)

EVERYTHING = Definitions(
    cluster="demo",
    subcluster="mail_2",
    revision=12,
    knobs=Knobs(
        heartbeat_interval=0.1,
        dead_after=0.25,
        lease_ttl=4,
        balance_set_size=10,
        partition_policy=PartitionPolicy.QUORUM,
        announce_to=AnnounceTo.INTEREST,
        check_fall=2,
        hook_timeout=7.5,
        on_change="/usr/lib/muster/tell 'the pager'",
    ),
    topologies=(
        Topology(
            "198.18.0.0/24",
            "eth0",
            ("198.18.0.1", "198.18.0.2"),
            interest=("198.18.0.77", "198.18.0.4"),
        ),
        Topology("2001:db8::/64", "ens3.7", ("2001:db8::1",), "rack_1"),
    ),
    nodes={
        "mta1": Node("mta1", "198.18.0.11", 7500, 3, (("198.18.0.0/24", "eth1"),)),
        "mta-2": Node("mta-2", "10.0.0.2", admin_state=AdminState.DRAINING, segment="rack_1"),
    },
    vips={
        "198.18.0.101": Vip("198.18.0.101", prefer=("mta-2", "mta1")),
        "198.18.0.9": Vip("198.18.0.9", follow="2001:db8::101"),
        "2001:db8::101": Vip(
            "2001:db8::101",
            weight=5,
            check="command:/usr/lib/muster/check --deep",
            hook="/usr/lib/muster/move --zone b",
            binding="bulk-1.example",
            description='Bulk "mail" für \U0001f4e7',
        ),
    },
    logs=Logs(
        (
            Source("mail", "/var/log/mail*.log", ("mta-2", "mta1")),
            Source("system", '/var/log/"of all"'),
        ),
        (Subscriber("archive", 5 << 30), Subscriber("manager")),
    ),
)
