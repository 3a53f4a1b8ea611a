"""Keys in use as objects, the others as a few bytes on their shelf.

Who asks for a key gets its object, which is thawed where it was frozen; when many others were asked
for since, it is frozen again. Invariant: a key has at most one object that counts, found under one
name; whoever still holds one that was frozen is sent on by it.
"""

from collections.abc import Callable, Iterator
from typing import Generic, Protocol, TypeVar

from workers.replication.core.keys import packed, unpacked
from workers.replication.core.shelf import Shelf

HOT_KEYS = 16_384
"""Half as many as may be hot at once."""


class Warm(Protocol):
    """What a key is while it is in use."""

    key: bytes

    def cool(self) -> bytes:
        """Count no more; return what there was."""


W = TypeVar("W", bound=Warm)


class Hot(Generic[W]):
    """The objects of one grid. `make` gives one for a key, from its frozen cells or from none."""

    def __init__(
        self,
        shelf: Shelf[bytes | W],
        by_address: bool,
        make: Callable[[bytes, bytes | None], W],
    ) -> None:
        self.shelf, self.by_address, self._make = shelf, by_address, make
        self.named: dict[str | bytes, W] = {}
        """By the text of the key; by the key itself where no text leads back to it."""
        self._cooling: dict[str | bytes, W] = {}
        self._next: list[str | bytes] = []
        """Whose turn it is to cool, the last first."""
        self.most = HOT_KEYS
        self.resize(shelf.most)

    def resize(self, most: int) -> None:
        """Fit into a shelf of so many keys."""
        self.most = max(1, min(HOT_KEYS, most // 4))

    def find(self, text: str) -> W:
        """Return the object of a key that is not in `named`."""
        return self._found(packed(text, self.by_address), text)

    def again(self, key: bytes) -> W:
        """Return the object of a key."""
        return self._found(key, "")

    def every(self) -> Iterator[W]:
        """Every object there is."""
        yield from self.named.values()
        yield from self._cooling.values()

    def _found(self, key: bytes, text: str) -> W:
        held = self.shelf.get(key)
        if held is None or isinstance(held, bytes):
            found = self._make(key, held)
            if held is None:
                self.shelf.put(key, found)
            else:
                self.shelf.replace(key, found)
        else:
            found = held
        shown = unpacked(key, self.by_address)
        is_exact = shown == text or packed(shown, self.by_address) == key
        name: str | bytes = shown if is_exact else key
        self._cooling.pop(name, None)
        self.named[name] = found
        self._cool(1)
        if len(self.named) >= self.most:
            self._cool(len(self._next))
            self._cooling = self.named.copy()
            self.named.clear()
            self._next = list(self._cooling)
            self._next.reverse()
        return found

    def _cool(self, most: int) -> None:
        for _ in range(min(most, len(self._next))):
            one = self._cooling.pop(self._next.pop(), None)
            if one is None:
                continue
            cells = one.cool()
            if cells:
                self.shelf.replace(one.key, cells)
            else:
                self.shelf.drop(one.key)
