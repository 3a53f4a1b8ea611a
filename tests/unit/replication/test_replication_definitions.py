"""Which tables, limits and exemptions definitions may name."""

from dataclasses import replace

import pytest

from workers.replication.core.definitions import (
    ALIASES,
    PERS,
    Exempt,
    Kind,
    Limit,
    Per,
    Replication,
    Subject,
    Table,
    TableType,
    default_tables,
    rate_text,
    read_rate,
    table_type,
)
from workers.replication.core.definitions_rules import replication_refusal

CACHE = Table("values", TableType.CACHE, (("ttl", "60"),))
SERIES = Table("connects", TableType.SERIES_CONNECT, (("window", "3600"),))
LIMIT = Limit("senders", Subject.INBOUND_MESSAGES, Per.SENDER, 1_000, 60)
OUT = Limit(
    "out", Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, 20, binding="one", domain="example.com"
)
NAMED = Limit("named", Subject.NAMED, Per.GLOBAL, 5, 1, throttle="bulk")
EXEMPT = Exempt("us", "senders", "me@example.com", 5)


def test_nothing_is_wrong_with_usual_ones() -> None:
    replication = Replication(
        (CACHE, SERIES, *default_tables()[:3]), (LIMIT, OUT, NAMED), (EXEMPT,)
    )

    assert replication_refusal(replication, ["n1"]) is None
    assert replication_refusal(Replication(default_tables()), ["n1"]) is None
    assert replication_refusal(Replication(), []) is None


def test_there_is_a_table_of_each_type_whatever_is_defined() -> None:
    replication = Replication((SERIES,))

    assert replication.table_of(TableType.SERIES_CONNECT) is SERIES
    assert {one.type for one in replication.every_table} == set(TableType)
    assert len(replication.every_table) == len(TableType)
    assert replication.table_of(TableType.CACHE).name == "cache"


def test_every_type_has_one_alias_a_kind_and_perhaps_addresses() -> None:
    assert sorted(ALIASES.values()) == sorted(TableType)
    assert table_type("OBTM") is table_type("throttle-messages") is TableType.THROTTLE_MESSAGES
    assert table_type("nothing") is None
    assert TableType.CONNECTIONS_INBOUND.kind is Kind.GAUGE
    assert TableType.NAMED_THROTTLES.kind is Kind.WINDOW
    assert TableType.CACHE.kind is Kind.CACHE
    assert TableType.SERIES_PERMFAIL.is_address
    assert not TableType.DOMAIN_CONNECTIONS.is_address


def test_every_subject_is_counted_per_something() -> None:
    for subject, pers in PERS.items():
        window = 0 if subject.is_gauge else 60
        throttle = "bulk" if subject is Subject.NAMED else ""
        for per in pers:
            limit = Limit("one", subject, per, 1, window, throttle=throttle)
            assert replication_refusal(Replication(limits=(limit,)), []) is None
    assert set(PERS) == set(Subject)


@pytest.mark.parametrize(
    ("replication", "place", "part"),
    [
        (Replication((replace(CACHE, name="No"),)), "table.No", "not a name"),
        (Replication((CACHE, CACHE)), "table.values", "stands twice"),
        (
            Replication((replace(CACHE, name="series-connect"),)),
            "table.series-connect.type",
            "type",
        ),
        (Replication((replace(CACHE, max_delay=0.0),)), "table.values.max_delay", "is 0.0"),
        (Replication((replace(CACHE, max_delay=float("nan")),)), "table.values.max_delay", "nan"),
        (Replication((replace(CACHE, max_pending=0),)), "table.values.max_pending", "is 0"),
        (Replication((replace(CACHE, max_size=1),)), "table.values.max_size", "100 to"),
        (Replication((replace(CACHE, table_class="\n"),)), "table.values.table_class", "plain"),
        (
            Replication((replace(CACHE, parameters=(("x", "1"),)),)),
            "table.values.parameters",
            "ttl",
        ),
        (
            Replication((replace(CACHE, parameters=(("ttl", "1e3"),)),)),
            "table.values.parameters",
            "s",
        ),
        (
            Replication((replace(CACHE, parameters=CACHE.parameters * 2),)),
            "table.values.parameters",
            "twice",
        ),
        (
            Replication(tuple(replace(CACHE, name=f"t{n}") for n in range(65))),
            "table",
            "at most 64",
        ),
        (Replication(limits=(replace(LIMIT, most=-1),)), "limit.senders.most", "is -1"),
        (
            Replication(limits=(replace(LIMIT, window=0),)),
            "limit.senders.window",
            "within a window",
        ),
        (Replication(limits=(replace(OUT, window=5),)), "limit.out.window", "open now"),
        (
            Replication(limits=(replace(LIMIT, per=Per.HOST),)),
            "limit.senders.per",
            "not counted per",
        ),
        (Replication(limits=(replace(LIMIT, prefix_v4=33),)), "limit.senders.prefix_v4", "0 to 32"),
        (
            Replication(limits=(replace(LIMIT, prefix_v6=129),)),
            "limit.senders.prefix_v6",
            "0 to 128",
        ),
        (
            Replication(limits=(replace(LIMIT, per=Per.NETWORK, match="10.0.0.1/8"),)),
            "limit.senders.match",
            "no network",
        ),
        (Replication(limits=(replace(LIMIT, match="a b"),)), "limit.senders.match", "no key"),
        (
            Replication(limits=(replace(LIMIT, domain="example.com"),)),
            "limit.senders.domain",
            "remove",
        ),
        (Replication(limits=(replace(OUT, host="mx"),)), "limit.out.host", "exclude each other"),
        (Replication(limits=(replace(OUT, stage="RCPT"),)), "limit.out.stage", "has no stage"),
        (Replication(limits=(replace(LIMIT, stage="rcpt"),)), "limit.senders.stage", "not known"),
        (
            Replication(limits=(replace(LIMIT, message="\0"),)),
            "limit.senders.message",
            "plain text",
        ),
        (Replication(limits=(replace(NAMED, throttle=""),)), "limit.named.throttle", "no name"),
        (Replication(limits=(replace(LIMIT, throttle="x"),)), "limit.senders.throttle", "remove"),
        (Replication(exempts=(EXEMPT,)), "exempt.us.limit", "not defined"),
        (Replication(exempts=(Exempt("us", "", ""),)), "exempt.us.key", "no key"),
        (Replication(exempts=(Exempt("us", "", "a", -1),)), "exempt.us.most", "is -1"),
    ],
)
def test_what_no_node_can_act_on_is_refused(
    replication: Replication, place: str, part: str
) -> None:
    refusal = replication_refusal(replication, ["n1"])

    assert refusal is not None
    assert ".".join(refusal[0]) == place
    assert part in refusal[1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("1000/60s", (1_000, 60.0)),
        ("20", (20, 0.0)),
        ("5/m", (5, 60.0)),
        ("5/2h", (5, 7_200.0)),
        ("1/0.5", (1, 0.5)),
        (" 3/d ", (3, 86_400.0)),
    ],
)
def test_a_rate_is_read_and_written(text: str, found: tuple[int, float]) -> None:
    assert read_rate(text) == found
    assert read_rate(rate_text(*found)) == found


@pytest.mark.parametrize("text", ["", "x", "-1", "1/", "1/x", "1/2w", "1 / 2", "1.5", "1" * 14])
def test_what_is_no_rate_says_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="write"):
        read_rate(text)
