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
from workers.replication.core.definitions import (
    Action,
    CutOff,
    Exempt,
    Limit,
    Per,
    Replication,
    Scope,
    Subject,
    Table,
    TableType,
)

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
    replication=Replication(
        (
            Table(
                "connects",
                TableType.SERIES_CONNECT,
                (("window", "3600"),),
                0.5,
                50,
                1000,
                "bulk",
                'of "all"',
                snapshot=False,
                scope=Scope.CLUSTER,
            ),
            Table("memory", TableType.CACHE),
        ),
        (
            Limit("open", Subject.INBOUND_OPEN, Per.ADDRESS, 20),
            Limit(
                "per-network",
                Subject.INBOUND_RECIPIENTS,
                Per.NETWORK,
                1000,
                window=90.5,
                prefix_v4=24,
                prefix_v6=48,
                match="2001:db8::/32",
                stage="RCPT",
                action=Action.REJECT,
                message='Too "many" für \U0001f4e7',
                test=True,
                enabled=False,
            ),
            Limit(
                "to-gmail",
                Subject.OUTBOUND_MESSAGES,
                Per.BINDING,
                5000,
                window=3600,
                binding="bulk-1.example",
                domain=".example.com",
            ),
            Limit("tokens", Subject.NAMED, Per.GLOBAL, 5, window=1, throttle="tickets"),
        ),
        (
            Exempt("office", "per-network", "192.0.2.0/24", 0),
            Exempt("partner", "", "sales@example.net"),
        ),
        cut_off=CutOff.REFUSE,
        test=True,
    ),
)
