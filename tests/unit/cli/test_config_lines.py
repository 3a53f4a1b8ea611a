"""Merging texts by line: what one side changed stays, what both changed differently conflicts."""

import pytest

from cluster_admin.cli.config_lines import WORK_MAX, merge

BASE = b"1\n2\n3\n4\n5\n"


@pytest.mark.parametrize(
    ("mine", "theirs", "merged"),
    [
        (b"1\n2\n3\n4\nfive\n", b"one\n2\n3\n4\n5\n", b"one\n2\n3\n4\nfive\n"),
        (b"0\n1\n2\n3\n4\n5\n", b"1\n2\n3\n4\n5\n6\n", b"0\n1\n2\n3\n4\n5\n6\n"),
        (b"1\n3\n4\n5\n", b"1\n2\n3\n4\n", b"1\n3\n4\n"),
        (b"1\n2\n3\n4\n5", b"1\n2\n3\n4\n5\n", b"1\n2\n3\n4\n5"),
        (b"one\n2\n3\n4\n5\n", b"one\n2\n3\n4\n5\n", b"one\n2\n3\n4\n5\n"),
        (b"", BASE, b""),
        (BASE, b"", b""),
        (b"1\r\n2\n3\n4\n5\n", b"1\n2\n3\n4\r\n5\n", b"1\r\n2\n3\n4\r\n5\n"),
    ],
)
def test_changes_in_different_places_are_both_kept(
    mine: bytes, theirs: bytes, merged: bytes
) -> None:
    assert merge(BASE, mine, theirs) == merged
    assert merge(BASE, theirs, mine) == merged


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (b"one\n2\n3\n4\n5\n", b"uno\n2\n3\n4\n5\n"),
        (b"1\n2\n3\n4\n5\n6\n", b"1\n2\n3\n4\n5\nsix\n"),
        (b"1\nzwei\n3\n4\n5\n", b"1\n2\ndrei\n4\n5\n"),
        (b"", b"1\n2\n3\n4\nfive\n"),
        (b"1\r\n2\r\n3\r\n4\r\n5\r\n", b"1\n2\ntres\n4\n5\n"),
        (b"1\n\0\n3\n4\n5\n", b"1\n2\n3\n4\nfive\n"),
    ],
)
def test_changes_of_the_same_or_neighbouring_lines_conflict(mine: bytes, theirs: bytes) -> None:
    assert merge(BASE, mine, theirs) is None
    assert merge(BASE, theirs, mine) is None


def test_what_would_take_for_ever_is_not_merged() -> None:
    lines = int(WORK_MAX**0.5) + 10
    base = b"a\n" + b"x\n" * lines + b"b\n"

    assert merge(base, b"c\n" + b"x\n" * lines + b"d\n", base + b"end\n") is None


def test_a_large_text_with_a_change_at_either_end_is_merged_at_once() -> None:
    base = b"".join(b"%d\n" % number for number in range(100_000)) + b"x\n" * 100_000

    assert merge(base, b"first\n" + base, base + b"last\n") == b"first\n" + base + b"last\n"
