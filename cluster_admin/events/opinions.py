"""What the nodes say of one another, counted: the word of the majority about each node, since when.

Dead or left is what most say; suspected, when most say that or worse; else somebody finds it alive.
Only the votes of nodes that are heard and stand among the others count; who that is, `picture`
says. Counting is incremental: a report that says nothing new costs one comparison. Times are
monotonic seconds of the manager.
"""

from collections import Counter
from dataclasses import dataclass, field

COUNTED = ("alive", "suspected", "dead", "left")
Votes = tuple[tuple[str, str], ...]
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
    _words: dict[str, Word] = field(default_factory=dict)
    _moved: dict[str, float] = field(default_factory=dict)
    """Subjects whose tallies changed, and when."""
    _told: dict[str, dict[str, tuple[str, float]]] = field(default_factory=dict)
    _reported: dict[str, Votes] = field(default_factory=dict)

    def word(self, subject: str) -> Word:
        """What the majority said of `subject` when last settled."""
        return self._words.get(subject, NO_WORD)

    def settle(self) -> set[str]:
        """Count; returns the subjects of which something else is said now."""
        changed = set()
        for subject, at in self._moved.items():
            before, tally = self.word(subject), self.tallies[subject]
            word = _majority(tally, before, at)
            if word != before:
                changed.add(subject)
            if tally.total():
                self._words[subject] = word
            else:
                del self.tallies[subject]
                self._words.pop(subject, None)
        self._moved.clear()
        return changed

    def report(self, voter: str, votes: Votes, now: float) -> None:
        """All that `voter` thinks, as (subject, verdict), instead of what it thought."""
        if self._reported.get(voter) == votes and not self._told.get(voter):
            return
        self._reported[voter] = votes
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
        self._reported.pop(node, None)

    def _move(self, subject: str, before: str, after: str, now: float) -> None:
        if before == after:
            return
        tally = self.tallies.setdefault(subject, Counter())
        if before in COUNTED:
            tally[before] -= 1
        if after in COUNTED:
            tally[after] += 1
        self._moved[subject] = now


def _majority(tally: Counter[str], before: Word, now: float) -> Word:
    voters = tally.total()
    if not voters:
        return NO_WORD
    bad = voters - tally["alive"]
    counts = {"dead": tally["dead"], "left": tally["left"], "suspected": bad}
    said = next((verdict for verdict, votes in counts.items() if 2 * votes > voters), "alive")
    since = before.since if before.verdict == said else now
    return Word(said, since, voters)
