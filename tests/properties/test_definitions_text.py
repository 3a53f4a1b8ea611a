"""Definitions as text: what is written is read back, whatever it is; damage is never read."""

import ipaddress
import itertools
import sys
from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workers.failover.core.checks import check_refusal
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
from workers.failover.core.definitions_rules import usual_dead_after
from workers.failover.core.definitions_text import DefinitionsError, parse, render
from workers.failover.core.hooks import command_refusal
from workers.logs.core.definitions import (
    BACKLOG_BYTES,
    LEAST_BACKLOG_BYTES,
    MOST_BACKLOG_BYTES,
    Logs,
    Source,
    Subscriber,
)

ROOMY = settings(suppress_health_check=[HealthCheck.too_slow])
"""A whole subcluster takes its time to be thought of on a machine that does other things too."""
NET4, NET6 = ipaddress.ip_network("198.18.0.0/16"), ipaddress.ip_network("2001:db8::/64")

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
interfaces = st.from_regex(r"[a-z][a-z0-9.]{0,8}", fullmatch=True)
checks = st.one_of(
    st.just(""),
    st.integers(1, 65535).map(lambda port: f"smtp:{port}"),
    st.from_regex(r"command:/[!-.0-~][!-~]{0,9}( [ -~]{0,9})?", fullmatch=True),
).filter(lambda text: not check_refusal(text))
commands = st.from_regex(r"|/[a-z]{1,9}( [ -~]{0,9})?", fullmatch=True).filter(
    lambda text: not command_refusal(text)
)
bindings = st.from_regex(r"|[A-Za-z0-9._-]{1,12}", fullmatch=True)
descriptions = st.text(max_size=20).filter(str.isprintable)
segments = st.sampled_from(["", "rack_1"])
hosts = st.one_of(
    st.integers(1000, 65000).map(lambda n: str(NET4[n])),
    st.integers(1000, 1 << 62).map(lambda n: str(NET6[n])),
)


@st.composite
def knobs(draw: st.DrawFn) -> Knobs:
    interval = draw(st.floats(0.05, 1.0))
    usual = draw(st.booleans())
    dead_after = usual_dead_after(interval) if usual else draw(st.floats(2.001 * interval, 4.0))
    return Knobs(
        heartbeat_interval=interval,
        dead_after=dead_after,
        lease_ttl=draw(st.integers(6, 60)),
        start_delay=draw(st.floats(0, 60)),
        balance_set_size=draw(st.integers(1, 10240)),
        probe_interval=draw(st.floats(0.005, 1)),
        partition_policy=draw(st.sampled_from(PartitionPolicy)),
        announce_to=draw(st.sampled_from(AnnounceTo)),
        check_interval=draw(st.floats(0.1, 3600)),
        check_timeout=draw(st.floats(0.05, 60)),
        check_fall=draw(st.integers(1, 100)),
        hook_timeout=draw(st.floats(0.1, 60)),
        on_change=draw(commands),
    )


LOG_PATHS = ("/var/log/mail*.log", "/a", '/var/"of all"/é [0-9]?', "/back\\slash/☃/..x")
some_names = st.sampled_from([(), ("mail",), ("mail", "s_1-x"), ("a", "b", "web")])
backlogs = st.sampled_from([LEAST_BACKLOG_BYTES, 12345678, BACKLOG_BYTES, MOST_BACKLOG_BYTES])


@st.composite
def logs(draw: st.DrawFn, nodes: list[str]) -> Logs:
    some = st.sampled_from([(), tuple(nodes), tuple(reversed(nodes[:2]))])
    paths = st.sampled_from(LOG_PATHS)
    return Logs(
        tuple(Source(name, draw(paths), draw(some)) for name in draw(some_names)),
        tuple(Subscriber(name, draw(backlogs)) for name in draw(some_names)),
    )


@st.composite
def definitions(draw: st.DrawFn) -> Definitions:
    addresses = draw(st.lists(hosts, unique=True, min_size=1, max_size=12))
    names = draw(st.lists(labels, unique=True, max_size=min(4, len(addresses))))
    own, rest = addresses[: len(names)], addresses[len(names) :]
    topologies = [Topology(str(NET4), draw(interfaces), (str(NET4[1]),)[: draw(st.integers(0, 1))])]
    interest = tuple(str(NET6[number]) for number in range(2, 2 + draw(st.integers(0, 3))))
    topologies.append(Topology(str(NET6), draw(interfaces), (), draw(segments), interest))
    if draw(st.booleans()):
        topologies.reverse()
    nodes = {
        name: Node(
            name,
            address,
            draw(st.integers(1, 65535)),
            draw(st.integers(1, 1000)),
            tuple(sorted((t.cidr, draw(interfaces)) for t in topologies if draw(st.booleans()))),
            draw(st.sampled_from(AdminState)),
            draw(segments),
        )
        for name, address in zip(names, own, strict=True)
    }
    vips: dict[str, Vip] = {}
    for address in rest:
        follow = draw(st.sampled_from(["", *vips]))
        prefer = () if follow or not names else tuple(draw(st.permutations(names)))
        vips[address] = Vip(
            address,
            prefer[: draw(st.integers(0, 4))],
            follow,
            draw(st.integers(1, 1000)),
            draw(checks),
            draw(bindings),
            draw(descriptions),
            draw(commands),
        )
    return Definitions(
        cluster=draw(labels),
        subcluster="default",
        revision=draw(st.integers(1, (1 << 53) - 1)),
        knobs=draw(knobs()),
        topologies=tuple(topologies),
        nodes=nodes,
        vips=vips,
        logs=draw(logs(list(nodes))),
    )


@ROOMY
@given(definitions())
def test_what_is_written_is_read_back(value: Definitions) -> None:
    text = render(value)

    assert parse(text) == value
    assert render(parse(text)) == text


@ROOMY
@given(definitions(), st.randoms(use_true_random=False))
def test_order_and_comments_of_people_make_no_difference(value: Definitions, rng: object) -> None:
    head, *tables = render(value).split("\n\n")[:-1]
    shuffle: Callable[[list[str]], None] = rng.shuffle  # type: ignore[attr-defined]
    fixed = [table for table in tables if table.startswith("[topology")]
    free = [table for table in tables if not table.startswith("[topology")]
    shuffle(free)
    by_hand = "\n# a comment\n\n".join([head.split("\n", 1)[1], *free, *fixed]) + "\n"

    assert parse(by_hand) == value
    assert render(parse(by_hand)) == render(value)


@ROOMY
@given(definitions(), st.data())
def test_a_canonical_text_cut_anywhere_is_refused(value: Definitions, data: st.DataObject) -> None:
    text = render(value)
    cut = text[: data.draw(st.integers(0, len(text) - 2))]

    assert _refusal(cut).startswith("d.toml:")


@ROOMY
@given(definitions(), st.data())
def test_a_canonical_text_with_a_flipped_bit_is_refused_or_says_the_same(
    value: Definitions, data: st.DataObject
) -> None:
    raw = bytearray(render(value).encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 6))
    try:
        read = parse(raw.decode(), "d.toml")
    except (DefinitionsError, UnicodeDecodeError):  # who reads the file refuses the latter
        return
    # The bit was in a comment, or in the first line, which claims the canonical form.
    assert read == value


@given(st.text())
def test_any_text_is_read_or_refused_with_its_line(text: str) -> None:
    assert _refusal(text).startswith("d.toml:")


@given(st.text(alphabet="[]{}=\"\n.#'\\ vip1a,"))
def test_whatever_looks_like_toml_is_read_or_refused(text: str) -> None:
    assert _refusal(f'format = 1\ncluster = "c"\nsubcluster = "s"\n{text}').startswith("d.toml:")


def _refusal(text: str) -> str:
    try:
        parse(text, "d.toml")
    except DefinitionsError as error:
        return str(error)
    return ""


def many(count: int) -> Definitions:
    addresses = [str(NET4[number]) for number in range(1000, 1000 + count)]
    return Definitions(
        cluster="demo",
        subcluster="default",
        revision=1,
        topologies=(Topology(str(NET4), "eth0"),),
        nodes={"mta1": Node("mta1", "10.0.0.1")},
        vips={address: Vip(address, prefer=("mta1",)) for address in addresses},
    )


def calls_to_read(count: int) -> int:
    """How many functions are called to read the definitions of so many VIPs."""
    text, calls = render(many(count)), itertools.count()

    def count_one(_frame: object, _event: str, _value: object) -> None:
        next(calls)

    before = sys.getprofile()
    sys.setprofile(count_one)
    try:
        parse(text)
    finally:
        sys.setprofile(before)
    return next(calls)


def test_ten_thousand_vips_are_read_back() -> None:
    assert parse(render(many(10_240))) == many(10_240)


def test_each_further_vip_is_as_much_work_to_read_as_the_one_before() -> None:
    some, twice = calls_to_read(1000), calls_to_read(2000)

    assert 1000 < some < twice < 2.1 * some
