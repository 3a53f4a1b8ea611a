"""One replica among others: batches, holes, joiners, lives, and what it does with nonsense."""

import pytest

from workers.replication.core.definitions import Table, TableType
from workers.replication.core.journal import Journal
from workers.replication.core.messages import Ask, Delta, Message, Piece, decoded, encoded
from workers.replication.core.tables import Tables

NOW = 1_700_000_000.0
WINDOWS = Table("windows", TableType.THROTTLE_MESSAGES, max_delay=1.0, max_pending=10)
OPEN = Table("open", TableType.CONNECTIONS_INBOUND)
CACHE = Table("cache", TableType.CACHE)
ALL = (WINDOWS, OPEN, CACHE)


def _tables(node: str, incarnation: int = 1, tables: tuple[Table, ...] = ALL) -> Tables:
    return Tables(node, tables, incarnation=incarnation, now=NOW)


def _count(tables: Tables, key: str = "key", n: int = 1, now: float = NOW) -> None:
    tables.window("windows", key, 60.0).add(n, now)


def _batch(tables: Tables, now: float = NOW) -> Delta:
    found = tables.batch(now)
    assert found is not None
    return found


def _settle(*replicas: Tables, now: float = NOW) -> None:
    """Carry everything that anyone says to everyone until nobody says more."""
    waiting: list[Message] = [one.vector(now) for one in replicas]
    while waiting:
        message = decoded(encoded(waiting.pop()))
        for one in replicas:
            waiting += one.take(message, now)
            while one.owes:
                piece = one.piece(now)
                waiting += [piece] if piece else []


def _total(tables: Tables, key: str = "key", now: float = NOW) -> int:
    return dict(tables.rows("windows", now)).get(key, 0)


def test_the_first_batch_leaves_at_once_and_says_that_this_life_began() -> None:
    tables = _tables("a")
    assert tables.pending(NOW) == NOW
    assert _batch(tables) == Delta("a", 1, 0, 1, NOW, [], [])
    assert tables.pending(NOW) is None
    assert tables.batch(NOW) is None


def test_a_batch_is_due_after_the_delay_or_at_so_many_changes() -> None:
    tables = _tables("a")
    _batch(tables)
    _count(tables, now=NOW + 1)
    assert tables.pending(NOW + 1.5) == NOW + 2
    for _ in range(9):
        _count(tables, now=NOW + 1.5)
    assert tables.pending(NOW + 1.5) == NOW + 1.1
    assert _batch(tables, NOW + 1.5).upto == 2
    assert tables.pending(NOW + 1.5) is None
    tables.gauge("open", "192.0.2.1").add(1)
    assert tables.pending(NOW + 3) == NOW + 4
    tables.put("cache", "k", b"v", NOW + 2, 60)
    assert tables.pending(NOW + 3) == NOW + 3


def test_what_does_not_fit_one_message_leaves_with_the_next_ones() -> None:
    tables, peer = _tables("a"), _tables("b")
    for number in range(5_000):
        _count(tables, f"a rather long key of number {number}")
        tables.gauge("open", f"10.0.{number // 250}.{number % 250}").add(2)
    tables.put("cache", "k", b"v" * 16_000, NOW, 60)
    many = 0
    while tables.pending(NOW) is not None:
        data = encoded(_batch(tables))
        assert len(data) < 60_000
        peer.take(decoded(data), NOW)
        many += 1
    assert many > 4
    assert peer.digest("a", NOW) == tables.digest("a", NOW)


def test_a_hole_is_asked_for_and_the_owner_sends_what_it_kept() -> None:
    tables, peer = _tables("a"), _tables("b")
    told = []
    for _ in range(3):
        _count(tables)
        told.append(_batch(tables))
    assert peer.take(told[0], NOW) == []
    asks = peer.take(told[2], NOW)
    assert asks == [Ask("b", "a", "a", 1, 1, 3)]
    assert peer.take(told[2], NOW) == []
    assert _total(peer) == 3
    answers = tables.take(asks[0], NOW)
    assert [(one.since, one.to) for one in answers if isinstance(one, Delta)] == [
        (1, "b"),
        (2, "b"),
    ]
    assert peer.take(answers[0], NOW) == []
    assert peer.vector(NOW).known == [("a", 1, 3, 3)]


def test_a_joiner_gets_everything_and_what_a_table_keeps_to_itself_not() -> None:
    own = Table("own", TableType.NAMED_THROTTLES, snapshot=False)
    tables, peer = _tables("a", tables=(*ALL, own)), _tables("b", tables=(*ALL, own))
    for number in range(3_000):
        _count(tables, f"key {number}")
    tables.gauge("open", "192.0.2.1").add(1)
    tables.window("own", "x", 60.0).add(1, NOW)
    tables.put("cache", "k", b"v", NOW, 60)
    while tables.batch(NOW):
        pass
    tables.exchange.log.clear()
    _settle(tables, peer)
    assert peer.counts()["snapshots"] == 1
    assert len(peer.rows("windows", NOW)) == 3_000
    assert peer.rows("open", NOW) == [("192.0.2.1", 1)]
    assert peer.rows("own", NOW) == []
    assert peer.values("cache", NOW) == [("k", b"v", "a")]


def test_a_piece_that_is_lost_brings_the_snapshot_again() -> None:
    tables, peer = _tables("a"), _tables("b")
    for number in range(5_000):
        _count(tables, f"key {number}")
    while tables.batch(NOW):
        pass
    tables.exchange.log.clear()
    ask = peer.take(tables.vector(NOW), NOW)[0]
    tables.take(ask, NOW)
    pieces = []
    while tables.owes:
        pieces.append(tables.piece(NOW))
    assert len(pieces) > 2
    for piece in pieces[1:]:
        assert isinstance(piece, Piece)
        peer.take(piece, NOW)
    assert peer.take(tables.vector(NOW + 1), NOW + 1) == []
    assert peer.vector(NOW).known == []
    _settle(tables, peer, now=NOW + 4)
    assert peer.digest("a", NOW + 4) == tables.digest("a", NOW + 4)
    assert peer.vector(NOW).known == [("a", 1, tables.owners.mine.known, tables.owners.mine.known)]


def test_the_lowest_name_answers_for_an_owner_that_is_away() -> None:
    tables, one, two, joiner = (_tables(name) for name in "dbca")
    _count(tables)
    delta = _batch(tables)
    for peer in (one, two):
        peer.take(delta, NOW)
    joiner.alive(["a", "b", "c"])
    joiner.take(two.vector(NOW), NOW)
    joiner.exchange.asked.clear()
    assert joiner.take(one.vector(NOW), NOW) == [Ask("a", "b", "d", 1, 0, 0)]
    joiner.exchange.asked.clear()
    _settle(one, two, joiner)
    assert _total(joiner) == 1


def test_a_gauge_that_ended_unheard_of_is_gone_with_the_snapshot() -> None:
    tables, peer = _tables("a"), _tables("b")
    tables.gauge("open", "192.0.2.1").add(3)
    peer.take(_batch(tables), NOW)
    tables.gauge("open", "192.0.2.1").add(-3)
    tables.gauge("open", "192.0.2.2").add(1)
    _batch(tables)
    tables.exchange.log.clear()
    assert peer.gauge("open", "192.0.2.1").total == 3
    _settle(tables, peer)
    assert peer.gauge("open", "192.0.2.1").total == 0
    assert peer.rows("open", NOW) == [("192.0.2.2", 1)]


def test_a_node_that_starts_anew_is_not_counted_twice() -> None:
    tables, peer = _tables("a"), _tables("b")
    _count(tables, n=5)
    tables.gauge("open", "192.0.2.1").add(2)
    peer.take(_batch(tables), NOW)
    again = _tables("a", 2)
    again.load(tables.dump(NOW), NOW)
    _count(again, n=1)
    peer.take(_batch(again), NOW)
    _settle(again, peer)
    assert _total(peer) == _total(again) == 6
    assert peer.rows("open", NOW) == again.rows("open", NOW) == [("192.0.2.1", 2)]
    window = again.window("windows", "key", 60.0)
    window.roll(NOW)
    assert window.own == window.total == 6


def test_an_ended_life_is_forgotten_when_nothing_of_it_counts() -> None:
    tables, peer = _tables("a"), _tables("b")
    _count(tables)
    peer.take(_batch(tables), NOW)
    again = _tables("a", 2)
    for second in range(200):
        now = NOW + second
        peer.take(again.vector(now), now)
        if second == 1:
            peer.take(_batch(again, now), now)
        peer.tidy(now)
    assert [(one.name, one.incarnation) for one in peer.owners.lives()] == [("b", 1), ("a", 2)]


def test_a_table_that_comes_later_is_asked_for() -> None:
    tables, peer = _tables("a"), _tables("b", tables=(OPEN,))
    _count(tables)
    tables.gauge("open", "192.0.2.1").add(2)
    delta = _batch(tables)
    peer.take(delta, NOW)
    assert peer.counts()["unknown"] == 1
    peer.redefine(ALL)
    tables.exchange.log.clear()
    _settle(tables, peer)
    assert _total(peer) == 1
    peer.redefine((Table("windows", TableType.CACHE),))
    with pytest.raises(KeyError):
        peer.rows("windows", NOW)
    with pytest.raises(KeyError):
        peer.gauge("open", "192.0.2.1")


def test_no_more_windows_over_a_table_than_allowed_are_taken() -> None:
    peer = _tables("b")
    for number in range(40):
        tables = _tables(f"a{number}")
        tables.window("windows", "key", 60.0 + number).add(1, NOW)
        peer.take(_batch(tables), NOW)
    assert len(peer.spans("windows")) == 32
    assert peer.counts()["strange"] == 8


def test_rows_are_of_one_node_or_of_all_and_the_greatest_first() -> None:
    tables, peer = _tables("a"), _tables("b")
    for number in range(1, 6):
        _count(tables, f"key {number}", number)
    _count(peer, "key 1", 10)
    peer.take(_batch(tables), NOW)
    assert peer.rows("windows", NOW, top=2) == [("key 1", 11), ("key 5", 5)]
    assert peer.rows("windows", NOW, owner="a", top=1) == [("key 5", 5)]
    assert peer.rows("windows", NOW, owner="b") == [("key 1", 10)]
    assert peer.rows("windows", NOW + 100) == []
    with pytest.raises(KeyError):
        peer.rows("nothing", NOW)


def test_what_is_no_state_is_refused() -> None:
    for pieces in ([b"x"], [b""], [b"\x93\xa4part\x00\x90\x90"]):
        with pytest.raises(ValueError, match="no state"):
            _tables("a").load(pieces, NOW)
    assert _tables("a").replay(b"nothing", NOW) == 0


def test_a_value_that_is_too_long_is_refused() -> None:
    with pytest.raises(ValueError, match="16384"):
        _tables("a").put("cache", "k", b"x" * 20_000, NOW, 5)


def test_a_value_ends_at_its_time_everywhere() -> None:
    tables, peer = _tables("a"), _tables("b")
    tables.put("cache", "k", b"v", NOW, 60)
    peer.take(_batch(tables, NOW + 1), NOW + 3_601)
    assert peer.get("cache", "k", NOW + 3_659) == tables.get("cache", "k", NOW + 59) == b"v"
    assert peer.get("cache", "k", NOW + 3_660.5) is tables.get("cache", "k", NOW + 60.5) is None


def test_more_changes_than_there_may_be_keys_are_healed_by_a_snapshot() -> None:
    small = (Table("windows", TableType.THROTTLE_MESSAGES, max_size=100), OPEN)
    tables, peer = _tables("a", tables=small), _tables("b")
    peer.take(_batch(tables), NOW)
    for number in range(1_010):
        _count(tables, f"key {number}")
        assert len(tables.windows("windows", 60.0).dirty) <= 100
    assert tables.pending(NOW) == NOW + 0.1
    asks = peer.take(_batch(tables), NOW)
    assert asks == [Ask("b", "a", "a", 1, 1, 3)]
    assert tables.take(asks[0], NOW) == []
    while tables.owes:
        piece = tables.piece(NOW)
        assert isinstance(piece, Piece)
        peer.take(piece, NOW)
    assert peer.digest("a", NOW) == tables.digest("a", NOW)
    assert tables.batch(NOW) is None


def test_what_an_ended_life_lost_for_good_keeps_nobody_from_the_rest() -> None:
    tables, peer, other = _tables("a"), _tables("b"), _tables("c")
    told = []
    for _ in range(3):
        _count(tables)
        told.append(_batch(tables))
    peer.take(told[0], NOW)
    peer.take(told[2], NOW)
    other.take(told[0], NOW)
    again = _tables("a", 2)
    delta = _batch(again)
    for one in (peer, other):
        one.take(delta, NOW)
    assert ("a", 1, 1, 3) in peer.vector(NOW).known
    _settle(peer, other)
    assert _total(other) == _total(peer) == 3
    assert other.vector(NOW + 5).known == peer.vector(NOW + 5).known
    assert peer.take(other.vector(NOW + 5), NOW + 5) == []


@pytest.mark.parametrize("is_dumped", [True, False])
def test_what_a_node_counted_and_told_nobody_before_it_died_is_told(is_dumped: bool) -> None:
    tables, peer = _tables("a"), _tables("b")
    before, after = bytearray(1_000), bytearray(1_000)
    tables.journal = Journal(before, 1)
    peer.take(_batch(tables), NOW)
    _count(tables, n=4)
    tables.journal = Journal(after, 1)
    dump = list(tables.dump(NOW))
    again = _tables("a", 2)
    again.load(dump if is_dumped else [], NOW)
    for journal in (after,) if is_dumped else (before, after):
        again.replay(bytes(journal), NOW)
    _settle(again, peer)
    assert _total(peer) == _total(again) == 4
