"""What happened to mail, in numbers: by minute, hour and day, and by whom it concerned.

A tally is a sum: tallies of the parts of a log add up to the tally of the whole, in any order.
Invariant: bounded names never cost a count; what is not among the most frequent is in `OTHER`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from workers.maillog.core.counted import OUTCOMES, Outcome
from workers.maillog.core.happenings import Happening

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
_PLACES = {outcome: place for place, outcome in enumerate(ORDER)}
_OF_CLIENTS = frozenset({Outcome.REJECTED, Outcome.CONNECTED})

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
    """Numbers by minute. Mutable."""

    _counts: dict[Group, dict[str, list[int]]] = field(default_factory=dict)

    def add(self, found: Happening, moment: float, subcluster: str, node: str) -> None:
        """Count one of `counted`'s; `moment` is when it happened, in seconds."""
        start = int(moment // MINUTE) * MINUTE
        outcome = OUTCOMES[found.kind]
        place = _PLACES[outcome]
        self._count(Group(start, subcluster, By.NODE), node, place)
        self._count(Group(start, subcluster, By.BINDING), found.binding, place)
        if domain := found.domain:
            self._count(Group(start, subcluster, By.DOMAIN), domain, place)
        if found.address and outcome in _OF_CLIENTS:
            self._count(Group(start, subcluster, By.CLIENT), found.address, place)

    def by_steps(self, step: int) -> dict[Group, Names]:
        """The numbers, with starts of steps of so many seconds."""
        found: dict[Group, Names] = {}
        for group, counts in self._counts.items():
            names: Names = {name: tuple(numbers) for name, numbers in counts.items()}
            coarse = group._replace(start=group.start // step * step)
            found[coarse] = merged((found[coarse], names)) if coarse in found else names
        return found

    def _count(self, group: Group, name: str, place: int) -> None:
        names = self._counts.get(group)
        if names is None:
            names = self._counts[group] = {}
        numbers = names.get(name) or names.setdefault(name[:NAME_LENGTH], [0] * len(ORDER))
        numbers[place] += 1


def merged(parts: Iterable[Mapping[str, Numbers]]) -> Names:
    """The sum of several."""
    whole: Names = {}
    for part in parts:
        for name, numbers in part.items():
            whole[name] = added(whole.get(name), numbers)
    return whole


def trimmed(names: Names, most: int) -> Names:
    """The `most` names with the largest numbers, and the sum of the others as `OTHER`."""
    if len(names) - (OTHER in names) <= most:
        return names
    ordered = sorted(names, key=lambda name: (name == OTHER, -sum(names[name]), name))
    kept = {name: names[name] for name in ordered[:most]}
    kept[OTHER] = total(names[name] for name in ordered[most:])
    return kept


def total(rows: Iterable[Numbers]) -> Numbers:
    """The sum."""
    whole: Numbers | None = None
    for row in rows:
        whole = added(whole, row)
    return whole or (0,) * len(ORDER)


def added(some: Numbers | None, more: Numbers) -> Numbers:
    """Their sum; `more` alone when there is nothing yet."""
    return more if some is None else tuple(map(int.__add__, some, more))


def step_for(since: float, until: float, now: float, most: int) -> int:
    """The shortest step that is kept since then, and of which at most so many are in between."""
    for step in STEPS:
        if since >= now - KEPT[step] and (until - since) / step <= most:
            return step
    return DAY
