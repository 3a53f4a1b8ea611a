"""What events are: columns and filters, for `events` and for a VIP's history of moves."""

from dataclasses import dataclass, replace
from typing import Any

from cluster_admin.cli.columns import Column, Rank, clock, instant, plain, printable
from cluster_admin.cli.looking import Kind

MOVE = "taken"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class GapColumn(Column):
    """How long nobody served a VIP that was taken; of a taking that is a number or unknown."""

    def cell(self, row: Any) -> str:
        """Milliseconds; csv has the number, or nothing."""
        value = self.value(row)
        if value is None:
            return UNKNOWN if row.get("kind") == MOVE else ""
        return printable(f"{plain(value)} ms")


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
        Column("actor"),
        GapColumn("gap_ms"),
        Column("peer", rank=Rank.WIDE),
        Column("detail", rank=Rank.WIDE),
        Column("from", rank=Rank.WIDE),
        Column("to", rank=Rank.WIDE),
        Column("view", rank=Rank.WIDE),
        Column("subcluster", rank=Rank.WIDE),
        Column("epoch", rank=Rank.WIDE),
        Column("incarnation", rank=Rank.WIDE),
        Column("number", rank=Rank.WIDE),
        Column("id", rank=Rank.WIDE),
        Column("received_at", rank=Rank.ASKED, text=clock),
    ),
    (
        *("subcluster", "node", "vip", "kind", "actor", "moves"),
        *("after", "since", "until", "search"),
    ),
)
_OF_A_VIP = {column.name: column for column in EVENTS.columns}
HISTORY = replace(
    EVENTS,
    columns=(
        _OF_A_VIP["time"],
        _OF_A_VIP["kind"],
        *(Column(name, rank=Rank.KEY) for name in ("from", "to")),
        _OF_A_VIP["gap_ms"],
        Column("actor"),
        Column("epoch"),
        Column("reason"),
        *(
            replace(_OF_A_VIP[name], rank=Rank.WIDE)
            for name in ("node", "vip", "peer", "detail", "view", "subcluster")
        ),
        *(_OF_A_VIP[name] for name in ("incarnation", "number", "id", "received_at")),
    ),
    filters=tuple(name for name in EVENTS.filters if name != "vip"),
)
