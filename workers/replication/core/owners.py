"""Whose cells a replica has: each life of each node, how far its changes are known, and its clock.

A node that starts anew is another owner (a greater incarnation), so nothing that it counted before
is counted again or lost. `known`: every change up to this batch is here. `offset`: what to add to
the owner's time to have ours; never less than it is, and more only by what messages need, since the
quickest of the last minutes counts. Owners are numbered by `index`, in the order they came.
"""

from collections.abc import Collection

OFFSET_PERIOD_SECONDS = 15.0
"""The quickest message of this and the last period tells the offset: clocks drift, and stand still.

Every node says something every two seconds, so a period has enough to choose from.
"""

TIME_MAX = 1e12

NEVER = 1 << 62
"""A sequence number that no cell reaches."""

OWNERS_MAX = 65_000
"""Lives of nodes that one replica tells apart: a cell has two bytes for its owner."""

AHEAD_MAX = 1_000


class Owner:
    """One life of one node. Its gauges count while it `is_alive` and is the `newest` life."""

    __slots__ = (
        *("ahead", "heard", "incarnation", "index", "is_mine", "known", "name", "offset"),
        *("_lowest", "_lowest_before", "_period"),
    )

    def __init__(self, name: str, incarnation: int, index: int, is_mine: bool) -> None:
        self.name, self.incarnation, self.index, self.is_mine = name, incarnation, index, is_mine
        self.known = 0
        self.ahead: list[tuple[int, int]] = []
        """(since, upto) of batches that are here, though something in front of them is missing."""
        self.offset = 0.0
        self.heard = 0.0
        """When we heard of it last, our time."""
        self._lowest = self._lowest_before = float("inf")
        self._period = 0.0

    @property
    def seen(self) -> int:
        """The last batch that is here, whatever is missing in front of it."""
        return max((upto for _since, upto in self.ahead), default=self.known)

    def hear(self, its_now: float, now: float, spoke: float | None = None) -> None:
        """Take in that the owner's clock showed `its_now` when the message of now was sent.

        `spoke`: when it spoke last, its time, where others speak for it.
        """
        if not 0 <= its_now <= TIME_MAX:
            return
        if now - self._period >= OFFSET_PERIOD_SECONDS:
            is_next = now - self._period < 2 * OFFSET_PERIOD_SECONDS
            self._lowest_before = self._lowest if is_next else float("inf")
            self._lowest, self._period = float("inf"), now
        self._lowest = min(self._lowest, now - its_now)
        self.offset = min(self._lowest, self._lowest_before)
        self.heard = max(self.heard, (its_now if spoke is None else spoke) + self.offset)

    def assume(self, offset: float, heard: float) -> None:
        """Take an offset, and when it was heard, from the disk until the owner is heard."""
        self.offset, self.heard = offset, heard

    def learn(self, since: int, upto: int) -> bool:
        """Take in that changes from `since` to `upto` are here; return whether a hole is left."""
        if since <= self.known:
            self.known = max(self.known, upto)
            self._close()
        elif upto > self.known:
            self._note(since, upto)
        return bool(self.ahead)

    def _close(self) -> None:
        while True:
            reached = [upto for since, upto in self.ahead if since <= self.known]
            self.ahead = [one for one in self.ahead if one[0] > self.known]
            if not reached:
                return
            self.known = max(self.known, *reached)

    def _note(self, since: int, upto: int) -> None:
        for number, (first, last) in enumerate(self.ahead):
            if last == since:
                self.ahead[number] = (first, upto)
                return
            if first <= since and upto <= last:
                return
        if len(self.ahead) < AHEAD_MAX:
            self.ahead.append((since, upto))


class Owners:
    """Every owner this replica knows. Index 0 is this life of this node."""

    def __init__(self, node: str, incarnation: int) -> None:
        self.node = node
        self.every: list[Owner] = []
        self._by_life: dict[tuple[str, int], Owner] = {}
        self._newest: dict[str, Owner] = {}
        self.masks: list[int] = []
        """For each index: 0 when its gauges count, `NEVER` when not."""
        self.floors: list[int] = []
        """The same, or what a snapshot told: gauges older than it are gone."""
        self._told: list[int] = []
        self._alive: frozenset[str] | None = None
        self.refused = 0
        self.mine = self._add(node, incarnation)

    def find(self, name: str, incarnation: int) -> Owner | None:
        """Return the owner, if it is known."""
        return self._by_life.get((name, incarnation))

    def get(self, name: str, incarnation: int) -> Owner | None:
        """Return the owner, new or not; None, counted, when there are too many."""
        found = self._by_life.get((name, incarnation))
        if found is None and len(self.every) < OWNERS_MAX:
            return self._add(name, incarnation)
        self.refused += found is None
        return found

    def newest(self, name: str) -> Owner | None:
        """Return the last life of this node."""
        return self._newest.get(name)

    def has_ended(self, owner: Owner) -> bool:
        """Whether something is known of a later life of the same node."""
        return self._newest[owner.name].incarnation > owner.incarnation

    def is_alive(self, name: str) -> bool:
        """Whether the cluster believes that this node is alive; everyone is until somebody says."""
        return self._alive is None or name == self.node or name in self._alive

    def settle(self, owner: Owner) -> bool:
        """Take in that something of `owner` is known; return whether older gauges end by that."""
        last = self._newest.get(owner.name)
        if last is not None and last.incarnation >= owner.incarnation:
            return False
        self._newest[owner.name] = owner
        return self._mask()

    def alive(self, nodes: Collection[str]) -> bool:
        """Let gauges of these nodes count, and of no others; return whether that is a change."""
        self._alive = frozenset(nodes)
        return self._mask()

    def floor(self, owner: Owner, upto: int) -> None:
        """Take in that gauges of `owner` of before `upto` that no snapshot named are gone."""
        self._told[owner.index] = max(self._told[owner.index], upto)
        self._mask()

    def told(self, owner: Owner) -> int:
        """Return what `floor` took in."""
        return self._told[owner.index]

    def forget(self, before: float) -> list[Owner]:
        """Forget ended lives not heard of since `before`; their indices are not used again."""
        gone = [one for one in self._by_life.values() if one.heard < before and self.has_ended(one)]
        for one in gone:
            del self._by_life[one.name, one.incarnation]
        return gone

    def lives(self) -> list[Owner]:
        """Every owner that is not forgotten, this life of this node first."""
        return list(self._by_life.values())

    def _add(self, name: str, incarnation: int) -> Owner:
        owner = Owner(name, incarnation, len(self.every), name == self.node)
        self._by_life[name, incarnation] = owner
        self.every.append(owner)
        newest = self._newest.setdefault(name, owner)
        mask = 0 if newest is owner and self.is_alive(name) else NEVER
        for values, first in ((self.masks, mask), (self.floors, mask), (self._told, 0)):
            values.append(first)
        return owner

    def _mask(self) -> bool:
        before = list(self.masks)
        for one in self.every:
            newest = self._newest[one.name]
            counts = newest is one and self.is_alive(one.name)
            self.masks[one.index] = 0 if counts else NEVER
            self.floors[one.index] = max(self.masks[one.index], self._told[one.index])
        return before != self.masks
