"""Keys, shelves, trees, journals and messages, whatever they are given."""

import contextlib
import ipaddress

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from workers.replication.core.cidrtree import tree
from workers.replication.core.definitions import default_tables
from workers.replication.core.journal import Charge, Journal, read
from workers.replication.core.keys import is_address, is_sound, packed, unpacked
from workers.replication.core.messages import Ask, Delta, Piece, Vector, decoded, encoded
from workers.replication.core.owners import Owner
from workers.replication.core.shelf import Shelf
from workers.replication.core.tables import Tables

NOW = 1_700_000_000.0
addresses = st.one_of(st.ip_addresses(), st.ip_addresses().map(lambda one: one)).map(str)
networks = st.one_of(
    st.builds(
        lambda a, n: ipaddress.ip_network((a, n), strict=False),
        st.ip_addresses(v=4),
        st.integers(0, 32),
    ),
    st.builds(
        lambda a, n: ipaddress.ip_network((a, n), strict=False),
        st.ip_addresses(v=6),
        st.integers(0, 128),
    ),
)


@given(st.ip_addresses())
def test_an_address_keeps_its_shortest_spelling(address: ipaddress.IPv6Address) -> None:
    mapped = getattr(address, "ipv4_mapped", None)
    shown = str(mapped or address)

    assert unpacked(packed(str(address), True), True) == shown
    assert packed(address.exploded, True) == packed(str(address), True)
    assert packed(str(address).upper(), True) == packed(str(address), True)


@given(networks)
def test_a_network_keeps_its_shortest_spelling(network: ipaddress.IPv6Network) -> None:
    key = packed(str(network), True)
    again = unpacked(key, True)

    assert is_address(key)
    assert packed(again, True) == key
    if "ffff:" not in str(network) and network.prefixlen != network.max_prefixlen:
        assert again == str(network)


@given(st.text(max_size=700), st.booleans())
def test_any_text_is_a_key(text: str, by_address: bool) -> None:
    key = packed(text, by_address)

    assert is_sound(key, by_address)
    assert packed(unpacked(key, by_address), by_address) == key


@given(st.lists(st.text(max_size=20), unique=True, max_size=20), st.booleans())
def test_different_texts_that_are_no_addresses_are_different_keys(
    texts: list[str], by_address: bool
) -> None:
    plain = [text for text in texts if not is_address(packed(text, True))]

    assert len({packed(text, by_address) for text in plain}) == len(plain)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from("pga")), max_size=300),
    st.integers(2, 20),
)
def test_a_shelf_never_has_more_than_allowed_and_has_the_last_used(
    steps: list[tuple[int, str]], most: int
) -> None:
    shelf: Shelf[int] = Shelf(most, lambda _key, _value: False)
    used: list[bytes] = []
    for number, what in steps:
        key = b"%d" % number
        if what == "a":
            shelf.tidy(2)
        elif shelf.get(key) is None and what == "p":
            shelf.put(key, number)
        if what != "a" and shelf.peek(key) is not None:
            used = [one for one in used if one != key] + [key]
        assert len(shelf) <= most
        assert len(set(shelf.keys())) == len(shelf)
        for one in used[-(most // 2) :]:
            assert shelf.peek(one) == int(one)


@given(st.lists(st.tuples(st.one_of(addresses, networks.map(str)), st.integers(1, 9)), max_size=30))
def test_every_prefix_of_the_tree_holds_what_is_in_it(rows: list[tuple[str, int]]) -> None:
    lines = tree(rows)
    held = [(ipaddress.ip_network(unpacked(packed(text, True), True)), n) for text, n in rows]
    for line in lines:
        prefix = ipaddress.ip_network(line.prefix)
        inside = [n for net, n in held if net.version == prefix.version and net.subnet_of(prefix)]  # type: ignore[arg-type]
        assert line.total == sum(inside)
        assert line.value == sum(n for net, n in held if net == prefix)
    assert sum(line.total for line in lines if not line.depth) == sum(n for _text, n in rows)
    assert {line.prefix for line in lines if line.value} == {
        unpacked(packed(text, True), True) for text, _n in rows
    }
    assert len(lines) <= 2 * len({net for net, _n in held})


def _journal() -> tuple[bytes, list[Charge]]:
    tables = Tables("a", default_tables(), incarnation=7, now=NOW)
    buffer = bytearray(2_000)
    tables.journal = Journal(buffer, 7)
    for number in range(12):
        tables.window("throttle-messages", f"key {number % 3}", 60.0).add(1, NOW + number)
        tables.gauge("connections-inbound", "192.0.2.1").add(1)
    tables.put("cache", "k", b"v", NOW, 5)
    tables.batch(NOW)
    return bytes(buffer), [one for one in read(bytes(buffer)) if isinstance(one, Charge)]


JOURNAL, CHARGES = _journal()


@given(
    st.integers(0, len(JOURNAL)),
    st.lists(st.tuples(st.integers(24, 1_999), st.binary(min_size=1, max_size=9))),
)
def test_a_journal_is_read_as_far_as_it_makes_sense(
    length: int, damages: list[tuple[int, bytes]]
) -> None:
    cut = [one for one in read(JOURNAL[:length]) if isinstance(one, Charge)]
    assert cut == CHARGES[: len(cut)]
    damaged = bytearray(JOURNAL)
    for at, data in damages:
        damaged[at : at + len(data)] = data
    first = min((at for at, _data in damages), default=len(JOURNAL))
    found = [one for one in read(bytes(damaged[:2_000])) if isinstance(one, Charge)]
    whole = [one for one in read(JOURNAL[:first]) if isinstance(one, Charge)]
    assert found[: len(whole)] == whole
    Tables("a", default_tables(), incarnation=8, now=NOW).replay(bytes(damaged[:2_000]), NOW)


def test_a_journal_that_is_full_counts_what_it_lost() -> None:
    tables = Tables("a", default_tables(), incarnation=7, now=NOW)
    buffer = bytearray(200)
    tables.journal = Journal(buffer, 7)
    for number in range(50):
        tables.window("throttle-messages", "key", 60.0).add(1, NOW + number)
    assert tables.journal is not None
    assert tables.counts()["journal_lost"] + len(list(read(bytes(buffer)))) == 50
    assert tables.journal.left < 17


@given(st.lists(st.integers(0, 12), max_size=40))
def test_an_owner_is_known_up_to_the_first_hole(order: list[int]) -> None:
    owner = Owner("a", 1, 1, False)
    taken: set[int] = set()
    for number in order:
        taken.add(number)
        has_hole = owner.learn(number, number + 1)
        reached = next(number for number in range(14) if number not in taken)
        assert owner.known == reached
        assert has_hole == any(number > reached for number in taken)


scraps = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 1 << 63),
        st.floats(),
        st.text(max_size=5),
        st.binary(max_size=5),
    ),
    lambda inner: st.lists(inner, max_size=10),
    max_leaves=20,
)


@given(st.one_of(st.binary(max_size=200), scraps.map(msgspec.msgpack.encode)))
def test_what_is_no_message_is_refused(data: bytes) -> None:
    tables = Tables("a", default_tables(), incarnation=1, now=NOW)
    with contextlib.suppress(ValueError):
        tables.take(decoded(data), NOW)


def _messages() -> list[Delta | Vector | Ask | Piece]:
    tables = Tables("a", default_tables(), incarnation=1, now=NOW)
    tables.window("throttle-messages", "a\0b", 60.0).add(1, NOW)
    tables.window("series-connect", "2001:db8::1", 3_600.0).add(300, NOW)
    tables.gauge("connections-inbound", "192.0.2.1").add(1)
    tables.put("cache", "k", b"v", NOW, 5)
    delta = tables.batch(NOW)
    assert delta is not None
    tables.exchange.log.clear()
    ask = Ask("b", "a", "a", 1, 0, 0)
    tables.take(ask, NOW)
    piece = tables.piece(NOW)
    assert piece is not None
    return [
        delta,
        tables.vector(NOW),
        ask,
        msgspec.structs.replace(piece, to="a", sender="b", owner="c"),
    ]


MESSAGES = [encoded(one) for one in _messages()]


@given(
    st.sampled_from(MESSAGES),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
)
def test_a_damaged_message_harms_nobody(data: bytes, damages: list[tuple[int, int]]) -> None:
    tables = Tables("a", default_tables(), incarnation=1, now=NOW)
    tables.gauge("connections-inbound", "192.0.2.1").add(1)
    tables.batch(NOW)
    changed = bytearray(data)
    for at, byte in damages:
        changed[at % len(changed)] = byte
    with contextlib.suppress(ValueError):
        for message in (decoded(bytes(changed)), decoded(data)):
            tables.take(message, NOW)
    assert tables.gauge("connections-inbound", "192.0.2.1").own == 1
    tables.rows("throttle-messages", NOW)
    tables.vector(NOW)
    assert list(tables.dump(NOW))
