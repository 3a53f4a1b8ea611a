"""Laws of replicated cells: any order, any grouping, any repetition gives the same, and no less."""

import itertools
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from workers.replication.core import gauges, windows
from workers.replication.core.caches import Cache, Entry
from workers.replication.core.columns import columns
from workers.replication.core.definitions import Table, TableType
from workers.replication.core.journal import Journal
from workers.replication.core.messages import Delta, decoded, encoded
from workers.replication.core.owners import Owner, Owners
from workers.replication.core.tables import Tables
from workers.replication.core.window_grid import WindowGrid

START = 1_700_000_000.0
SPAN = 60.0
WINDOWS = Table("windows", TableType.THROTTLE_MESSAGES)
TABLES = (WINDOWS, Table("open", TableType.CONNECTIONS_INBOUND), Table("cache", TableType.CACHE))
KEYS = ("", "192.0.2.1", "2001:db8::1", "192.0.2.0/24", "a\0b", "x" * 600)

small = st.integers(0, 3)
window_cells = st.tuples(small, small, st.integers(1, 9))
"""Owner, bucket, count."""
gauge_cells = st.tuples(small, small, st.integers(1, 9))
"""Owner, value, sequence; a sequence has one value."""


def _window_state(cells: list[tuple[int, int, int]]) -> bytes:
    state = b""
    for owner, bucket, count in cells:
        state = windows.merged(state, owner, bucket, count)
    return state


def _gauge_state(cells: list[tuple[int, int, int]]) -> bytes:
    state = b""
    for owner, _value, sequence in cells:
        state = gauges.merged(state, owner, 7 * sequence % 5 + owner, sequence)
    return state


def _as_window(state: bytes) -> dict[tuple[int, int], int]:
    found = {(owner, bucket): count for owner, bucket, count in windows.CELL.iter_unpack(state)}
    assert len(found) * windows.CELL_BYTES == len(state)
    return found


def _as_gauge(state: bytes) -> dict[int, tuple[int, int]]:
    found = {i: (value, sequence) for i, value, sequence in gauges.CELL.iter_unpack(state)}
    assert len(found) * gauges.CELL_BYTES == len(state)
    return found


@given(st.lists(window_cells, max_size=12), st.lists(window_cells, max_size=12), st.randoms())
def test_buckets_merge_in_any_order_and_grouping_and_never_shrink(
    some: list[tuple[int, int, int]], others: list[tuple[int, int, int]], rng: object
) -> None:
    shuffled = some + others + some
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    whole = _as_window(_window_state(some + others))
    assert _as_window(_window_state(shuffled)) == whole
    grouped = _window_state(some)
    for owner, bucket, count in windows.CELL.iter_unpack(_window_state(others)):
        grouped = windows.merged(grouped, owner, bucket, count)
    assert _as_window(grouped) == whole
    assert all(count <= whole[cell] for cell, count in _as_window(_window_state(some)).items())


@given(st.lists(gauge_cells, max_size=12), st.lists(gauge_cells, max_size=12), st.randoms())
def test_gauges_merge_in_any_order_and_grouping_and_never_grow_older(
    some: list[tuple[int, int, int]], others: list[tuple[int, int, int]], rng: object
) -> None:
    shuffled = some + others + some
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    whole = _as_gauge(_gauge_state(some + others))
    assert _as_gauge(_gauge_state(shuffled)) == whole
    grouped = _gauge_state(some)
    for owner, value, sequence in gauges.CELL.iter_unpack(_gauge_state(others)):
        grouped = gauges.merged(grouped, owner, value, sequence)
    assert _as_gauge(grouped) == whole
    assert all(cell[1] <= whole[i][1] for i, cell in _as_gauge(_gauge_state(some)).items())


@given(st.lists(window_cells, max_size=20), st.integers(0, 20))
def test_a_hot_key_and_a_cold_one_agree(cells: list[tuple[int, int, int]], hot_at: int) -> None:
    owners = Owners("me", 1)
    lives = [_life(owners, f"n{number}") for number in range(4)]
    grid = WindowGrid(WINDOWS, SPAN, owners, START)
    base = int(START)
    for number, (owner, bucket, count) in enumerate(cells):
        if number == hot_at:
            grid.window("key")
        found = [(b"key", [(base - bucket, count)])]
        grid.take(columns("windows", SPAN, found, base - bucket), lives[owner], START)
    window = grid.window("key")
    window.roll(START)
    newest: dict[tuple[int, int], int] = {}
    for owner, bucket, count in cells:
        newest[owner, bucket] = max(newest.get((owner, bucket), 0), count)
    assert window.total == sum(newest.values()) == grid.value(b"key", START, None)


def _life(owners: Owners, name: str) -> Owner:
    owner = owners.get(name, 1)
    assert owner is not None
    owner.hear(START, START)
    return owner


writes = st.tuples(st.sampled_from("abc"), st.integers(0, 5))
"""Who wrote, and what the clock showed."""


@given(st.lists(writes, max_size=10), st.randoms())
def test_the_last_writer_wins_in_any_order(told: list[tuple[str, int, int]], rng: object) -> None:
    def state(order: list[tuple[str, int, int]]) -> list[tuple[str, bytes, str]]:
        owners = Owners("me", 1)
        cache = Cache(TABLES[2], owners)
        for name, clock in order:
            value = f"{name} {clock}".encode()
            entry = Entry(b"key", value, clock, START + 1 + clock)
            cache.take(entry, _life(owners, name), START)
        return list(cache.rows(START))

    shuffled = told + told
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert state(shuffled) == state(told)
    if told:
        name, clock = max(told, key=lambda one: (one[1], one[0]))
        assert state(told) == [("key", f"{name} {clock}".encode(), name)]


@dataclass(frozen=True)
class Event:
    """`n` messages counted by one of three nodes, or a mere look, `after` seconds later."""

    node: int
    after: float
    n: int


waits = st.one_of(
    st.sampled_from([0.0, 0.3, 0.99, 1.0, 1.01, 57.9, 58.99, 59.9, 60.0, 60.5, 61.0, 62.0]),
    st.floats(0, 40).map(lambda one: round(one, 3)),
)
events = st.builds(Event, st.integers(0, 3), waits, st.integers(1, 5))
skews = st.sampled_from([0.0, 3_600.0, -3_600.0, 0.37, 1e-3])


@given(
    st.lists(events, min_size=1, max_size=30),
    st.sampled_from([1.0, 7.5, 60.0, 3_600.0]),
    st.tuples(skews, skews),
)
def test_a_window_forgets_nothing_younger_and_counts_nothing_older(
    told: list[Event], span: float, skew: tuple[float, float]
) -> None:
    tables = Tables("me", TABLES, incarnation=1, now=START)
    peers = [Tables(f"n{number}", TABLES, incarnation=1, now=START) for number in range(2)]
    now, happened = START, []
    for event in told:
        now += event.after * span / 60
        if event.node < 3:
            happened.append((now, event.n))
        if event.node == 3:
            pass
        elif event.node == 2:
            tables.window("windows", "key", span).add(event.n, now)
        else:
            its_now = now + skew[event.node]
            peers[event.node].window("windows", "key", span).add(event.n, its_now)
            delta = peers[event.node].batch(its_now)
            assert delta is not None
            assert tables.take(decoded(encoded(delta)), now) == []
        window = tables.window("windows", "key", span)
        if now >= window.rolls_at:
            window.roll(now)
        least = sum(n for at, n in happened if at > now - span + 1e-3)
        most = sum(n for at, n in happened if at > now - span * 61 / 60 - 1e-3)
        assert least <= window.total <= most
        assert window.total == dict(tables.rows("windows", now, span=span)).get("key", 0)


changes = st.lists(
    st.tuples(st.sampled_from("wgpb"), st.sampled_from(KEYS), st.integers(-2, 3)), max_size=30
)


def _deltas(node: str, told: list[tuple[str, str, int]]) -> tuple[Tables, list[Delta]]:
    tables = Tables(node, TABLES, incarnation=1, now=START)
    found = []
    for number, (kind, key, n) in enumerate(told):
        now = START + number / 10
        if kind == "w":
            tables.window("windows", key, SPAN).add(n, now)
        elif kind == "g":
            tables.gauge("open", key).add(n)
        elif kind == "p":
            tables.put("cache", key, b"%d" % number, now, 50)
        elif (delta := tables.batch(now)) is not None:
            found.append(delta)
    while (delta := tables.batch(START + 5)) is not None:
        found.append(delta)
    return tables, found


@given(changes, changes, st.randoms(), st.data())
def test_batches_in_any_order_and_number_give_the_owner_s_own_cells(
    ones: list[tuple[str, str, int]],
    twos: list[tuple[str, str, int]],
    rng: object,
    data: st.DataObject,
) -> None:
    (one, ones_told), (two, twos_told) = _deltas("a", ones), _deltas("b", twos)
    told = ones_told + twos_told
    told += data.draw(st.lists(st.sampled_from(told), max_size=10))
    rng.shuffle(told)  # type: ignore[attr-defined]
    replica = Tables("z", TABLES, incarnation=1, now=START)
    for number, delta in enumerate(told):
        if number == len(told) // 2:
            for key in KEYS:
                replica.window("windows", key, SPAN)
                replica.gauge("open", key)
        replica.take(decoded(encoded(delta)), START + 5)
    now = START + 5
    for name, owner, batches in (("a", one, ones_told), ("b", two, twos_told)):
        life = replica.owners.find(name, 1)
        assert life is not None
        assert life.known == len(batches)
        for table in ("windows", "open"):
            assert replica.rows(table, now, owner=name) == owner.rows(table, now)
    assert replica.counts()["strange"] == 0


@given(changes, st.integers(1, 7), st.booleans())
def test_what_a_disk_has_is_what_there_was(
    told: list[tuple[str, str, int]], dumped_at: int, is_twice: bool
) -> None:
    tables = Tables("a", TABLES, incarnation=1, now=START)
    journals = [bytearray(1 << 16)]
    tables.journal = Journal(journals[0], 1)
    dump: list[bytes] = []
    rest = iter(())
    for number, (kind, key, n) in enumerate(told):
        now = START + number / 10
        if number == dumped_at:
            journals.append(bytearray(1 << 16))
            tables.journal = Journal(journals[1], 1)
            rest = tables.dump(now)
        dump += itertools.islice(rest, 1)
        if kind == "w":
            tables.window("windows", key, SPAN).add(n, now)
        elif kind == "g":
            tables.gauge("open", key).add(n)
        elif kind == "p":
            tables.put("cache", key, b"%d" % number, now, 50)
        else:
            tables.batch(now)
    if len(journals) > 1:
        dump += rest
        journals = journals[1:]
    again = Tables("a", TABLES, incarnation=2, now=START + 5)
    again.load(dump, START + 5)
    for journal in journals * (1 + is_twice):
        again.replay(bytes(journal), START + 5)
    now = START + 5
    for table in ("windows", "open"):
        assert again.rows(table, now) == tables.rows(table, now)
        assert again.rows(table, now, owner="a") == tables.rows(table, now)
    assert sorted(again.values("cache", now)) == sorted(tables.values("cache", now))
    for key in KEYS:
        window = again.window("windows", key, SPAN)
        window.roll(now)
        assert window.own == window.total
    assert again.pending(now) == now
