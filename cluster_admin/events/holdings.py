"""Which node says that its kernel has which VIP: what it told, and events that came since.

An event is known at once, a report may have been made before it: for `RECENT_SECONDS` the event's
word stands, unless the report has a higher epoch. Invariant: `holders` is the inverse of `held`.
Whether a holder lives is not asked here. Times are monotonic seconds of the manager.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from workers.failover.core.claims import bucket_of
from workers.failover.core.reports import Holding

RECENT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Claim:
    """A node has a VIP. `since`: when it took it; `learned_at`: when the manager heard of it."""

    epoch: int
    since: float
    learned_at: float
    reason: str = ""
    previous: str = ""


@dataclass(frozen=True, slots=True)
class _Recent:
    epoch: int
    at: float
    claim: Claim | None


@dataclass(slots=True)
class Holdings:
    """All claims of the nodes of a subcluster."""

    held: dict[str, dict[str, Claim]] = field(default_factory=dict)
    holders: dict[str, set[str]] = field(default_factory=dict)
    changed: set[str] = field(default_factory=set)
    """VIPs whose claims changed; the caller empties it."""
    _recent: dict[str, dict[str, _Recent]] = field(default_factory=dict)

    def of(self, node: str) -> dict[str, Claim]:
        """What `node` holds."""
        return self.held.get(node, {})

    def report(
        self, node: str, holdings: Iterable[Holding], now: float, buckets: Collection[int]
    ) -> None:
        """Everything that `node` holds in some buckets, instead of what it held there."""
        before = {vip: one for vip, one in self.of(node).items() if bucket_of(vip) in buckets}
        told_here = (one for one in holdings if bucket_of(one.vip) in buckets)
        after = {one.vip: _claim(one, before.get(one.vip), now) for one in told_here}
        for vip, recent in list(self._recent.get(node, {}).items()):
            if bucket_of(vip) not in buckets:
                continue
            told = after.get(vip)
            if now - recent.at > RECENT_SECONDS or (told and told.epoch > recent.epoch):
                del self._recent[node][vip]
            elif recent.claim is None:
                after.pop(vip, None)
            elif told is None:
                after[vip] = before.get(vip, recent.claim)
        for vip in before.keys() - after.keys():
            self._drop(node, vip)
        for vip, claim in after.items():
            if claim != before.get(vip):
                self._put(node, vip, claim)

    def take(self, node: str, vip: str, claim: Claim) -> None:
        """An event: `node` has taken `vip`."""
        self._recent.setdefault(node, {})[vip] = _Recent(claim.epoch, claim.learned_at, claim)
        known = self.of(node).get(vip)
        if known is None or known.epoch < claim.epoch:
            self._put(node, vip, claim)

    def release(self, node: str, vip: str, epoch: int, now: float) -> None:
        """An event: `node` no longer has `vip`, which it had taken as `epoch`."""
        known = self.of(node).get(vip)
        if known is not None and known.epoch > epoch:
            return
        self._recent.setdefault(node, {})[vip] = _Recent(epoch, now, None)
        if known is not None:
            self._drop(node, vip)

    def forget(self, node: str) -> None:
        """A node that is defined no longer."""
        for vip in list(self.of(node)):
            self._drop(node, vip)
        self.held.pop(node, None)
        self._recent.pop(node, None)

    def _put(self, node: str, vip: str, claim: Claim) -> None:
        self.held.setdefault(node, {})[vip] = claim
        self.holders.setdefault(vip, set()).add(node)
        self.changed.add(vip)

    def _drop(self, node: str, vip: str) -> None:
        del self.held[node][vip]
        self.holders[vip].discard(node)
        if not self.holders[vip]:
            del self.holders[vip]
        self.changed.add(vip)


def _claim(told: Holding, known: Claim | None, now: float) -> Claim:
    """A claim keeps its times while its epoch stays."""
    if known is None or known.epoch != told.epoch:
        return Claim(told.epoch, now - told.age, now, told.reason, told.previous)
    if (told.reason, told.previous) == (known.reason, known.previous):
        return known
    return replace(known, reason=told.reason, previous=told.previous)
