"""A regular expression that lines are searched for, and what a line must have for it to match.

Looking for a text is many times faster than matching; so lines that cannot match are never matched.
Invariant: a line in which the expression matches passes each of its sieves.
"""

import re
from dataclasses import dataclass
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from workers.logs.core.classes import BETWEEN_WORDS, Class, runs, table_of

PATTERN_BYTES_MAX = 4_096
ALTERNATIVES_MAX = 8
SIEVES_MAX = 8
RUN_BYTES_MIN = 3
"""Fewer bytes of known classes, one behind the other, are in nearly every line."""
_NEWLINE = ord("\n")
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
_LOWER = table_of([frozenset((one, one + 32)) for one in range(ord("A"), ord("Z") + 1)], max)


class PatternError(ValueError):
    """An expression that cannot be searched for; the sentence says where, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Sieve:
    """A line that matches has one of the texts, once its bytes are those of the table."""

    texts: tuple[bytes, ...]
    table: bytes | None = None
    """256 bytes, as `bytes.translate` takes them; None: as they are."""
    front: bytes = b""
    """A newline when the texts begin with what stands in front of a word, and so of a line."""
    back: bytes = b""

    def of(self, data: bytes) -> bytes:
        """What the texts are looked for in: where one is found, there its line is in `data`."""
        if self.table is None:
            return data
        return (self.front + data + self.back).translate(self.table)


@dataclass(frozen=True, slots=True)
class Expression:
    """A pattern that was checked; plain values, so that another process can have it."""

    pattern: bytes
    sieves: tuple[Sieve, ...]
    """What is likely to be rarest first; empty when nothing is known."""
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
    flags = tree.state.flags
    folded = bool(flags & re.IGNORECASE) or _has_flag(data, b"i")
    dotall = bool(flags & re.DOTALL) or _has_flag(data, b"s")
    sieves = () if _has_flag(data, b"L") else _sieves(tree, folded)
    return Expression(data, sieves, not dotall and _is_free(tree))


def _has_flag(pattern: bytes, letter: bytes) -> bool:
    """Whether it is set somewhere, if only for a group."""
    return re.search(rb"\(\?[a-zA-Z]*" + letter, pattern) is not None


def _sieves(tree: Any, folded: bool) -> tuple[Sieve, ...]:
    """Texts first, the longest ones first; then what is known of classes alone."""
    texts = sorted(dict.fromkeys(_texts(tree)), key=_worth, reverse=True)
    sieves = [Sieve(one) for one in texts]
    if folded:
        sieves = [Sieve(tuple(text.lower() for text in one), _LOWER) for one in texts]
    sieves += [_run_sieve(run) for run in runs(tree, folded) if len(run) >= RUN_BYTES_MIN]
    return tuple(sieves[:SIEVES_MAX])


def _run_sieve(run: list[Class]) -> Sieve:
    table = table_of(run)
    text = bytes(table[min(one)] for one in run)
    front, back = (b"\n" * (one is BETWEEN_WORDS) for one in (run[0], run[-1]))
    return Sieve((text,), table, front, back)


def _worth(texts: tuple[bytes, ...]) -> tuple[int, int]:
    return min(map(len, texts)), -len(texts)


def _texts(tree: Any) -> list[tuple[bytes, ...]]:
    """Sets of texts; each match has one of each set."""
    found: list[tuple[bytes, ...]] = []
    run = bytearray()
    for code, value in [*tree, (None, None)]:
        if code is codes.LITERAL:
            run.append(value)
            continue
        if run:
            found.append((bytes(run),))
            run.clear()
        found += _inside(code, value)
    return found


def _inside(code: Any, value: Any) -> list[tuple[bytes, ...]]:
    """The same for one part of an expression."""
    if code is codes.SUBPATTERN:
        return _texts(value[-1])
    if code is codes.ATOMIC_GROUP:
        return _texts(value)
    if code in _REPEATS and value[0] > 0:
        return _texts(value[2])
    if code is codes.BRANCH:
        sets = [max(_texts(one), key=_worth, default=()) for one in value[1]]
        texts = tuple(dict.fromkeys(text for one in sets for text in one))
        return [texts] if all(sets) and len(texts) <= ALTERNATIVES_MAX else []
    return []


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
