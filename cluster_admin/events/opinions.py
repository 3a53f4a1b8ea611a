"""What the nodes say of one another, counted: the word of the majority about each node, since when.

Dead or left is what most say; suspected, when most say that or worse; else somebody finds it alive.
Only the votes of nodes that are heard and stand among the others count; who that is, `picture`
says. Counting is incremental: a report that says nothing new costs one comparison. Times are
monotonic seconds of the manager.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

COUNTED = ("alive", "suspected", "dead", "left")
KEPT_SECONDS = 1.0
"""A vote told by an event stands for this long against reports made before it."""


@dataclass(frozen=True, slots=True)
class Word:
    """What most voters say of a node ("" without voters), since when, and how many they are."""

    verdict: str = ""
    since: float = 0.0
    voters: int = 0


NO_WORD = Word()


@dataclass(slots=True)
class Opinions:
    """Votes by voter and subject. Invariant: `tallies` count exactly the votes of `counting`."""

    votes: dict[str, dict[str, str]] = field(default_factory=dict)
    counting: set[str] = field(default_factory=set)
    tallies: dict[str, Counter[str]] = field(default_factory=dict)
    words: dict[str, Word] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    """Subjects whose word changed; the caller empties it."""
    _told: dict[str, dict[str, tuple[str, float]]] = field(default_factory=dict)

    def word(self, subject: str) -> Word:
        """What the majority says of `subject`."""
        return self.words.get(subject, NO_WORD)

    def report(self, voter: str, votes: Mapping[str, str], now: float) -> None:
        """All that `voter` thinks, instead of what it thought."""
        fresh = dict(votes)
        for subject, (verdict, at) in list(self._told.get(voter, {}).items()):
            if now - at > KEPT_SECONDS:
                del self._told[voter][subject]
            elif subject in fresh:
                fresh[subject] = verdict
        before = self.votes.get(voter, {})
        if fresh == before:
            return
        self.votes[voter] = fresh
        if voter in self.counting:
            for subject in before.keys() | fresh.keys():
                self._move(subject, before.get(subject, ""), fresh.get(subject, ""), now)

    def tell(self, voter: str, subject: str, verdict: str, now: float) -> None:
        """An event: `voter` has changed its mind about `subject`."""
        self._told.setdefault(voter, {})[subject] = (verdict, now)
        votes = self.votes.setdefault(voter, {})
        before, votes[subject] = votes.get(subject, ""), verdict
        if voter in self.counting:
            self._move(subject, before, verdict, now)

    def count(self, voter: str, counts: bool, now: float) -> None:
        """Whether the votes of `voter` count from now on."""
        if counts == (voter in self.counting):
            return
        (self.counting.add if counts else self.counting.discard)(voter)
        for subject, verdict in self.votes.get(voter, {}).items():
            before, after = ("", verdict) if counts else (verdict, "")
            self._move(subject, before, after, now)

    def forget(self, node: str, now: float) -> None:
        """A node that is defined no longer."""
        self.count(node, False, now)
        self.votes.pop(node, None)
        self._told.pop(node, None)

    def _move(self, subject: str, before: str, after: str, now: float) -> None:
        if before == after:
            return
        tally = self.tallies.setdefault(subject, Counter())
        if before in COUNTED:
            tally[before] -= 1
        if after in COUNTED:
            tally[after] += 1
        word = _majority(tally, self.word(subject), now)
        if not tally.total():
            del self.tallies[subject]
            self.words.pop(subject, None)
            self.changed.add(subject)
        elif word != self.words.get(subject):
            self.words[subject] = word
            self.changed.add(subject)


def _majority(tally: Counter[str], before: Word, now: float) -> Word:
    voters = tally.total()
    bad = voters - tally["alive"]
    counts = {"dead": tally["dead"], "left": tally["left"], "suspected": bad}
    said = next((verdict for verdict, votes in counts.items() if 2 * votes > voters), "alive")
    since = before.since if before.verdict == said else now
    return Word(said, since, voters)
