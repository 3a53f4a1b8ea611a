"""Where two histories part, and how those that were given up are named.

A history is a line: each revision has one before it, so two histories have a beginning in common
and nothing after. Invariant: what is asked to find its end stays small however long they are, and
brings little more than what the other side lacks.
"""

from collections.abc import Callable, Iterable, Iterator

LOST_MAX = 16
"""Histories that were given up and are kept, in one repository."""
_DIGITS = 6


def samples(newest: int) -> Iterator[int]:
    """Numbers of revisions that tell another side how much it shares, the newest first.

    Those up to `newest`, at distances 0, 1, 3, 7, ... from it, and the first: about log2 of it. Of
    what is shared, the newest sample has at most twice as many revisions after it as are not.
    """
    distance = 0
    while newest - distance > 1:
        yield newest - distance
        distance = 2 * distance + 1
    if newest > 0:
        yield 1


def shared(named: Iterable[str], is_here: Callable[[str], bool]) -> str:
    """The first of the commits named, newest first, that is here too; "" when none is."""
    return next(filter(is_here, named), "")


def aside_name(names: Iterable[str], number: int) -> str:
    """The name of one more history that is kept aside: counted, and how far it went."""
    last = max((int(name[:_DIGITS]) for name in names if name[:_DIGITS].isdecimal()), default=0)
    return f"{last + 1:0{_DIGITS}}-r{number}"


def reached(name: str) -> int:
    """How far a history went that is kept aside, by the name that `aside_name` gave it."""
    return int(name.rpartition("-r")[2])


def surplus(names: Iterable[str], kept: int = LOST_MAX) -> list[str]:
    """The oldest of these, which are too many."""
    return sorted(names)[:-kept]
