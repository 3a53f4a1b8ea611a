"""A regular expression that lines are searched for, and the texts without which it cannot match.

Looking for a text is many times faster than matching; so lines that have none of the texts are
never matched. Invariant: a line in which the expression matches has one of them.
"""

import re
from dataclasses import dataclass
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

PATTERN_BYTES_MAX = 4_096
ALTERNATIVES_MAX = 8
_NEWLINE = ord("\n")
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)


class PatternError(ValueError):
    """An expression that cannot be searched for; the sentence says where, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Expression:
    """A pattern that was checked; plain values, so that another process can have it."""

    pattern: bytes
    texts: tuple[bytes, ...]
    """A line that matches has one of them; empty when nothing is known."""
    folded: bool
    """Whether they are in lower case, and stand for any case."""
    free: bool
    """Nothing in it matches a line's end, so it finds in many lines what it finds in each."""

    def compiled(self) -> re.Pattern[bytes]:
        """For one line at a time."""
        return re.compile(self.pattern)


def checked(pattern: str) -> Expression:
    """What to search for; raises `PatternError`."""
    data = pattern.encode("utf-8", "surrogateescape")
    if not data or len(data) > PATTERN_BYTES_MAX:
        raise PatternError(f"write an expression of 1 to {PATTERN_BYTES_MAX} bytes")
    try:
        re.compile(data)
        tree = parser.parse(data)
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(f"{pattern!r} is no regular expression: {error}") from error
    folded = bool(tree.state.flags & re.IGNORECASE) or b"(?i" in data
    texts = _needed(tree) or ()
    if folded:
        texts = tuple(one.lower() for one in texts)
    free = not tree.state.flags & re.DOTALL and b"(?s" not in data and _is_free(tree)
    return Expression(data, texts, folded, free)


def _needed(tree: Any) -> tuple[bytes, ...] | None:
    """The best set of texts of which each match has one; None when there is none."""
    found: list[tuple[bytes, ...]] = []
    run = bytearray()
    for code, value in [*tree, (None, None)]:
        if code is codes.LITERAL:
            run.append(value)
            continue
        if run:
            found.append((bytes(run),))
            run.clear()
        inner = _inside(code, value)
        if inner is not None:
            found.append(inner)
    return max(found, key=lambda texts: (min(map(len, texts)), -len(texts)), default=None)


def _inside(code: Any, value: Any) -> tuple[bytes, ...] | None:
    """The same for one part of an expression."""
    if code is codes.SUBPATTERN:
        return _needed(value[-1])
    if code is codes.ATOMIC_GROUP:
        return _needed(value)
    if code in _REPEATS and value[0] > 0:
        return _needed(value[2])
    if code is codes.BRANCH:
        sets = [_needed(one) for one in value[1]]
        if all(sets):
            texts = tuple(dict.fromkeys(text for one in sets for text in one or ()))
            return texts if len(texts) <= ALTERNATIVES_MAX else None
    return None


def _is_free(tree: Any) -> bool:
    return all(_part_is_free(code, value) for code, value in tree)


def _part_is_free(code: Any, value: Any) -> bool:
    if code is codes.LITERAL:
        return bool(value != _NEWLINE)
    if code is codes.IN:
        return all(_item_is_free(kind, item) for kind, item in value)
    if code is codes.SUBPATTERN:
        return _is_free(value[-1])
    if code is codes.BRANCH:
        return all(_is_free(one) for one in value[1])
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        return _is_free(value[2])
    return code is codes.ANY or (code is codes.AT and value is codes.AT_BOUNDARY)


def _item_is_free(kind: Any, item: Any) -> bool:
    if kind is codes.LITERAL:
        return bool(item != _NEWLINE)
    if kind is codes.RANGE:
        return not item[0] <= _NEWLINE <= item[1]
    return kind is codes.CATEGORY and item in (codes.CATEGORY_DIGIT, codes.CATEGORY_WORD)
