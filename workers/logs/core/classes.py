"""What is known of an expression that has no fixed text: which classes of bytes stand in a row.

Where each digit of a line is written as `0`, each letter as `A`, whatever `[A-Z][45][0-9]` finds
has `A00`: a text that can be looked for. Invariant: each match has all the rows, byte behind byte.
"""

from collections.abc import Callable, Iterable
from re import _constants as codes  # type: ignore[attr-defined]
from typing import Any

Class = frozenset[int]
"""Bytes, any of which may stand at one place."""
CLASS_BYTES_MAX = 40
"""What more bytes than these may stand for is in every line."""
RUN_BYTES_MAX = 64
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
_NOTHING_WIDE = (codes.AT, codes.ASSERT, codes.ASSERT_NOT)
_BOUNDARY = (codes.AT, codes.AT_BOUNDARY)
_ALL = frozenset(range(256))
_DIGITS = frozenset(b"0123456789")
_SPACES = frozenset(b" \t\n\r\f\v")
_WORDS = frozenset(one for one in range(128) if chr(one).isalnum()) | {ord("_")}
BETWEEN_WORDS = _ALL - _WORDS
"""What stands beside a word; where a line begins and ends, its newlines do."""
_CATEGORIES = {
    codes.CATEGORY_DIGIT: _DIGITS,
    codes.CATEGORY_NOT_DIGIT: _ALL - _DIGITS,
    codes.CATEGORY_SPACE: _SPACES,
    codes.CATEGORY_NOT_SPACE: _ALL - _SPACES,
    codes.CATEGORY_WORD: _WORDS,
    codes.CATEGORY_NOT_WORD: BETWEEN_WORDS,
}


def runs(tree: Any, folded: bool) -> list[list[Class]]:
    """Classes in a row, the longest row first; rows of fixed bytes alone are left out.

    A row may begin and end with `BETWEEN_WORDS`, where an expression asks for a word's edge.
    """
    found: list[list[Class]] = [[]]
    _walk(tree, folded, found)
    several = [_edged(one) for one in found if any(len(each) > 1 for each in one)]
    return sorted(several, key=len, reverse=True)


def _edged(run: list[Class]) -> list[Class]:
    """Without the edges that are not a word's, and not longer than is of use."""
    if len(run) > 1 and run[0] is BETWEEN_WORDS and not run[1] <= _WORDS:
        run = run[1:]
    if len(run) > 1 and run[-1] is BETWEEN_WORDS and not run[-2] <= _WORDS:
        run = run[:-1]
    return run[:RUN_BYTES_MAX]


def table_of(classes: Iterable[Class], chosen: Callable[[Class], int] = min) -> bytes:
    """Each byte as one of its class, for `bytes.translate`; classes that overlap are one."""
    table = list(range(256))
    apart: list[Class] = []
    for one in classes:
        for other in [each for each in apart if not each.isdisjoint(one)]:
            apart.remove(other)
            one |= other
        apart.append(one)
    for one in apart:
        for byte in one:
            table[byte] = chosen(one)
    return bytes(table)


def _walk(tree: Any, folded: bool, found: list[list[Class]]) -> None:
    """Add what stands in a row to the last row that was found, or begin a new one."""
    for code, value in tree:
        if (code, value) == _BOUNDARY:
            found[-1].append(BETWEEN_WORDS)
            found.append([BETWEEN_WORDS])
        elif code in _NOTHING_WIDE:
            continue
        elif code is codes.SUBPATTERN:
            _walk(value[-1], folded, found)
        elif code is codes.ATOMIC_GROUP:
            _walk(value, folded, found)
        elif code in _REPEATS:
            _repeat(value, folded, found)
        else:
            known = _class_of(code, value, folded)
            if known is None:
                found.append([])
            else:
                found[-1].append(known)


def _repeat(value: Any, folded: bool, found: list[list[Class]]) -> None:
    """The first times stand behind what was before, the last ones in front of what comes."""
    least, most, part = value
    one = _class_of(part[0][0], part[0][1], folded) if len(part) == 1 else None
    times = [one] * min(least, RUN_BYTES_MAX) if one is not None else []
    if one is not None:
        found[-1] += times
    if one is None or least != most or least > RUN_BYTES_MAX:
        found.append(times[:])


def _class_of(code: Any, value: Any, folded: bool) -> Class | None:
    """What may stand there; None when it is too much, not known, or a line's end."""
    if code is codes.LITERAL:
        members = frozenset((value,))
    elif code is codes.IN:
        members = _members(value)
    else:
        return None
    if folded:
        members |= frozenset(bytes(members).lower() + bytes(members).upper())
    return members if len(members) <= CLASS_BYTES_MAX and ord("\n") not in members else None


def _members(items: Any) -> Class:
    members: set[int] = set()
    for code, value in items:
        if code is codes.LITERAL:
            members.add(value)
        elif code is codes.RANGE:
            members.update(range(value[0], value[1] + 1))
        elif code is codes.CATEGORY:
            members |= _CATEGORIES[value]
    return _ALL - members if items[0][0] is codes.NEGATE else frozenset(members)
