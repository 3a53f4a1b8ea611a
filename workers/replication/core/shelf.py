"""Values by key, of which the least recently used go first, without ever stopping to look for them.

Two generations: what is used moves to the young one. When that has half of the keys allowed, it
becomes the old one, and what nobody used since goes, a few with each new key. Invariant: at most
`most` keys, beyond those that the owner of the shelf will not let go; and whatever is among the
`most // 2` most recently used is there.
"""

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

V = TypeVar("V")

DRAINED_AT_ONCE = 3
"""Keys that go for each one that comes: more than one, so that going ends before it begins anew."""


class Shelf(Generic[V]):
    """Keys and values. `keep` says whether one that nobody used has to stay all the same."""

    __slots__ = ("evicted", "fading", "half", "is_aging", "keep", "most", "old", "turns", "young")

    def __init__(self, most: int, keep: Callable[[bytes, V], bool]) -> None:
        self.young: dict[bytes, V] = {}
        self.old: dict[bytes, V] = {}
        self.fading: dict[bytes, V] = {}
        self.most = most
        self.half = max(1, most // 2)
        self.keep = keep
        self.turns = 0
        """How many generations have begun."""
        self.evicted = 0
        self.is_aging = False
        """Whether `fading` goes because of its age: then nobody counts it as evicted."""

    def __len__(self) -> int:
        return len(self.young) + len(self.old) + len(self.fading)

    def get(self, key: bytes) -> V | None:
        """Return the value, which counts as used, or None."""
        found = self.young.get(key)
        if found is None:
            found = self.old.pop(key, None)
            if found is None:
                found = self.fading.pop(key, None)
                if found is None:
                    return None
            self.put(key, found)
        return found

    def peek(self, key: bytes) -> V | None:
        """Return the value, or None; nobody used it."""
        found = self.young.get(key)
        if found is None:
            found = self.old.get(key)
        return self.fading.get(key) if found is None else found

    def put(self, key: bytes, value: V) -> None:
        """Set the value of a key that is young or not there at all."""
        self.young[key] = value
        if self.fading:
            self._drain(DRAINED_AT_ONCE)
        if len(self.young) >= self.half and not self.fading:
            self._turn(is_aging=False)
            self._drain(len(self) - self.most)

    def replace(self, key: bytes, value: V) -> None:
        """Set the value of a key that is there, wherever it stands."""
        for shelf in (self.young, self.old, self.fading):
            if key in shelf:
                shelf[key] = value
                return
        self.put(key, value)

    def drop(self, key: bytes) -> None:
        """Forget the key, if it is there."""
        for shelf in (self.young, self.old, self.fading):
            shelf.pop(key, None)

    def resize(self, most: int) -> None:
        """Allow so many keys from now on."""
        self.most, self.half = most, max(1, most // 2)

    def age(self) -> None:
        """Begin a generation, as time asks; whoever was not used since the last goes uncounted."""
        if not self.fading:
            self._turn(is_aging=True)

    def tidy(self, most: int) -> bool:
        """Let go of at most so many; return whether more wait."""
        if self.fading:
            self._drain(most)
        return bool(self.fading)

    def keys(self) -> list[bytes]:
        """Every key as of now."""
        return [*self.young, *self.old, *self.fading]

    def items(self) -> Iterator[tuple[bytes, V]]:
        """Every key and value; nothing may change meanwhile."""
        for shelf in (self.young, self.old, self.fading):
            yield from shelf.items()

    def _turn(self, is_aging: bool) -> None:
        self.fading, self.old, self.young = self.old, self.young, {}
        self.is_aging = is_aging
        self.turns += 1

    def _drain(self, most: int) -> None:
        fading = self.fading
        for _ in range(most):
            if not fading:
                return
            key, value = fading.popitem()
            if self.keep(key, value):
                self.young[key] = value
            elif not self.is_aging:
                self.evicted += 1
