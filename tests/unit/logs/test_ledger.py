"""Records of what a collector has: damaged ends are left out, and sums stay small."""

import pytest

from workers.logs.core.ledger import (
    SEGMENTS_MAX,
    Forgotten,
    Kept,
    Ledger,
    Opened,
    Record,
    Verdict,
    decoded,
    encoded,
)

RECORDS: tuple[Record, ...] = (
    Opened("/logs/a", 7),
    Kept("one", 100, "/logs/a", 107),
    Kept("two", 5, "/logs/a", 112),
    Forgotten(segment="two"),
)


def summed(data: bytes) -> Ledger:
    """What the records in there add up to."""
    ledger = Ledger()
    for record, _ in decoded(data):
        ledger.add(record)
    return ledger


def test_records_come_back() -> None:
    data = encoded(RECORDS)

    assert [record for record, _ in decoded(data)] == list(RECORDS)
    assert [end for _, end in decoded(data)][-1] == len(data)
    assert summed(data) == Ledger({"one": 100}, {"/logs/a": 112})


def test_whatever_cuts_the_end_short_the_records_before_it_count() -> None:
    data = encoded(RECORDS)
    ends = [0, *(end for _, end in decoded(data))]

    for length in range(len(data)):
        found = [end for _, end in decoded(data[:length])]
        assert found == [end for end in ends[1:] if end <= length]


@pytest.mark.parametrize("place", range(0, 120, 7))
def test_a_damaged_record_ends_the_ledger(place: int) -> None:
    data = bytearray(encoded(RECORDS))
    whole = [record for record, end in decoded(bytes(data)) if end <= place]
    data[place] ^= 0x55

    assert [record for record, _ in decoded(bytes(data))] == whole


def test_a_written_anew_ledger_says_the_same() -> None:
    ledger = summed(encoded(RECORDS))

    assert summed(encoded(ledger.records())) == ledger


def test_pieces_are_judged_by_what_is_there() -> None:
    ledger = summed(encoded(RECORDS))

    assert ledger.judge("one", 100, 5) == (Verdict.NEW, 0)
    assert ledger.judge("one", 90, 20) == (Verdict.NEW, 10)
    assert ledger.judge("one", 90, 10) == (Verdict.DUPLICATE, 10)
    assert ledger.judge("one", 101, 1) == (Verdict.GAP, 0)
    assert ledger.judge("three", 0, 1) == (Verdict.NEW, 0)


def test_it_does_not_grow_without_bound() -> None:
    ledger = Ledger()
    for number in range(SEGMENTS_MAX + 5):
        ledger.add(Kept(f"s{number}", 1, "/logs/a", number))

    assert len(ledger.positions) == SEGMENTS_MAX
    assert "s4" not in ledger.positions
    assert ledger.lengths == {"/logs/a": SEGMENTS_MAX + 4}
