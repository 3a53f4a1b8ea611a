"""What happened to mail, in numbers: by minute, hour and day, and by whom it concerned.

A tally is a sum: tallies of the parts of a log add up to the tally of the whole, in any order.
Invariant: bounded names never cost a count; what is not among the most frequent is in `OTHER`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from heapq import nsmallest
from operator import neg
from typing import NamedTuple

from workers.maillog.core.counted import Counted, Outcome

MINUTE, HOUR, DAY = 60, 3_600, 86_400
STEPS = (MINUTE, HOUR, DAY)
KEPT = {MINUTE: 2 * DAY, HOUR: 62 * DAY, DAY: 731 * DAY}
"""Step -> how many seconds back its numbers are kept."""
OTHER = "(other)"
NAME_LENGTH = 255
ORDER = tuple(Outcome)


class By(StrEnum):
    """What numbers are told by; the value is the word shown to people."""

    NODE = "node"
    DOMAIN = "domain"
    """Of the recipient."""
    CLIENT = "client"
    """The address of who came in."""
    BINDING = "binding"
    """The mail server's service: `bulk` of `postfix/bulk/smtp`; empty for one without a name."""


NAMES_MAX = {By.NODE: 10_000, By.DOMAIN: 200, By.CLIENT: 200, By.BINDING: 200}
"""Names in each step of time and subcluster; the rest is `OTHER`."""

_WIDTH = 48
_UNITS = tuple(1 << place * _WIDTH for place in range(len(ORDER)))

Numbers = tuple[int, ...]
"""In the order of `Outcome`."""
Names = dict[str, Numbers]


class Group(NamedTuple):
    """Whose numbers stand together: a step of time (when it begins, seconds) of a subcluster."""

    start: int
    subcluster: str
    by: By


@dataclass(slots=True)
class Tally:
    """Numbers by minute. Mutable.

    Those of a name are one whole number in here, `_WIDTH` bits for each: adding is one step then.
    """

    _minutes: dict[tuple[int, str], tuple[dict[str, int], ...]] = field(default_factory=dict)
    """When a minute begins, and a subcluster -> name -> numbers, in the order of `By`."""

    def add(self, one: Counted, moment: float, subcluster: str, node: str) -> None:
        """Count one; `moment` is when it happened, in seconds."""
        key = int(moment // MINUTE) * MINUTE, subcluster
        minute = self._minutes.get(key)
        if minute is None:
            minute = self._minutes[key] = ({}, {}, {}, {})
        nodes, domains, clients, bindings = minute
        unit = _UNITS[ORDER.index(one.outcome)]
        nodes[node] = nodes.get(node, 0) + unit
        binding = one.binding[:NAME_LENGTH]
        bindings[binding] = bindings.get(binding, 0) + unit
        if domain := one.domain[:NAME_LENGTH]:
            domains[domain] = domains.get(domain, 0) + unit
        if client := one.client[:NAME_LENGTH]:
            clients[client] = clients.get(client, 0) + unit

    def by_steps(self, step: int) -> dict[Group, Names]:
        """The numbers, with starts of steps of so many seconds."""
        sums: dict[Group, dict[str, int]] = {}
        for (start, subcluster), minute in self._minutes.items():
            for by, names in zip(By, minute, strict=True):
                whole = sums.setdefault(Group(start // step * step, subcluster, by), {})
                for name, packed in names.items():
                    whole[name] = whole.get(name, 0) + packed
        return {
            group: {name: _numbers(packed) for name, packed in whole.items()}
            for group, whole in sums.items()
            if whole
        }


@lru_cache(4_096)
def _numbers(packed: int) -> Numbers:
    return tuple(packed >> shift & _UNITS[1] - 1 for shift in range(0, len(ORDER) * _WIDTH, _WIDTH))


def merged(parts: Iterable[Mapping[str, Numbers]]) -> Names:
    """The sum of several."""
    whole: Names = {}
    for part in parts:
        for name, numbers in part.items():
            had = whole.get(name)
            whole[name] = numbers if had is None else added(had, numbers)
    return whole


def trimmed(names: Names, most: int) -> Names:
    """The `most` names with the largest numbers, and the sum of the others as `OTHER`."""
    if len(names) - (OTHER in names) <= most:
        return names
    sums = zip(map(neg, map(sum, names.values())), names, strict=True)
    first = nsmallest(most, (one for one in sums if one[1] != OTHER))
    kept = {name: names[name] for _, name in first}
    kept[OTHER] = total(numbers for name, numbers in names.items() if name not in kept)
    return kept


def total(rows: Iterable[Numbers]) -> Numbers:
    """The sum."""
    return tuple(map(sum, zip(*rows, strict=True))) or (0,) * len(ORDER)


def added(some: Numbers | None, more: Numbers) -> Numbers:
    """Their sum; `more` alone when there is nothing yet."""
    return more if some is None else tuple(map(int.__add__, some, more))


def step_for(since: float, until: float, now: float, most: int) -> int:
    """The shortest step that is kept since then, and of which at most so many are in between."""
    for step in STEPS:
        if since >= now - KEPT[step] and (until - since) / step <= most:
            return step
    return DAY
