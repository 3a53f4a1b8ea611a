"""What events are: columns and filters, the same for `events` and a VIP's history."""

from dataclasses import replace

from cluster_admin.cli.columns import Column, Rank, clock, instant
from cluster_admin.cli.looking import Kind

EVENTS = Kind(
    "events",
    "events/",
    (
        Column("time", rank=Rank.KEY, text=instant),
        Column("node", rank=Rank.KEY),
        Column("kind", rank=Rank.KEY),
        Column("vip"),
        Column("about", "peer detail", brief=True, most=10),
        Column("reason"),
        Column("peer", rank=Rank.WIDE),
        Column("detail", rank=Rank.WIDE),
        Column("subcluster", rank=Rank.WIDE),
        Column("epoch", rank=Rank.WIDE),
        Column("incarnation", rank=Rank.WIDE),
        Column("number", rank=Rank.WIDE),
        Column("id", rank=Rank.WIDE),
        Column("received_at", rank=Rank.ASKED, text=clock),
    ),
    ("subcluster", "node", "vip", "kind", "after", "since", "until", "search"),
)
HISTORY = replace(EVENTS, filters=tuple(name for name in EVENTS.filters if name != "vip"))
