"""Claims: a table of VIP -> epoch in buckets, with checksums that cost only what changes.

A VIP's bucket and weight come from a hash of its text alone, so that both sides cut a table alike.
The checksum of a table is the sum of `weight * (epoch + 1)` over its claims, modulo a prime:
whatever the order, two tables that differ have the same one by an accident of 1 in 2^53 at most.
Who sends which bucket when is the voice's business.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from hashlib import blake2b

BUCKETS = 64
PRIME = 2**53 - 111
"""The largest prime that a message's numbers have room for."""


@lru_cache(maxsize=1 << 16)
def weight_of(vip: str) -> int:
    """A VIP's weight in checksums; never 0, different for all VIPs there will ever be."""
    return int.from_bytes(blake2b(vip.encode(), digest_size=8).digest(), "big") % PRIME or 1


def bucket_of(vip: str) -> int:
    """The bucket a VIP belongs to."""
    return weight_of(vip) % BUCKETS


def digest_of(claims: Mapping[str, int]) -> int:
    """Checksum of claims."""
    return sum(weight_of(vip) * (epoch + 1) for vip, epoch in claims.items()) % PRIME


class Claims:
    """What one node claims, mine or as heard."""

    def __init__(self, claims: Mapping[str, int] | None = None) -> None:
        self.table: dict[str, int] = {}
        """VIP -> epoch. To be read only: the checksums have to follow."""
        self.digest = 0
        self.version = 0
        """Grows with every change."""
        self._buckets: dict[int, dict[str, int]] = {}
        self._sums: dict[int, int] = {}
        for vip, epoch in (claims or {}).items():
            self.put(vip, epoch)

    def put(self, vip: str, epoch: int) -> None:
        """Claim `vip`, with that epoch from now."""
        weight = weight_of(vip)
        bucket = weight % BUCKETS
        before = self.table.get(vip)
        more = weight * (epoch - before if before is not None else epoch + 1)
        self.table[vip] = epoch
        self._buckets.setdefault(bucket, {})[vip] = epoch
        self._add(bucket, more)

    def drop(self, vip: str) -> None:
        """Claim `vip` no longer; one that is not claimed is no error."""
        epoch = self.table.pop(vip, None)
        if epoch is None:
            return
        weight = weight_of(vip)
        bucket = weight % BUCKETS
        del self._buckets[bucket][vip]
        self._add(bucket, -weight * (epoch + 1))

    def _add(self, bucket: int, more: int) -> None:
        self.version += 1
        self.digest = (self.digest + more) % PRIME
        self._sums[bucket] = (self._sums.get(bucket, 0) + more) % PRIME

    @property
    def sums(self) -> tuple[int, ...]:
        """Checksum of each bucket."""
        return tuple(self._sums.get(bucket, 0) for bucket in range(BUCKETS))

    def size(self, bucket: int) -> int:
        """Number of claims in a bucket."""
        return len(self._buckets.get(bucket, ()))

    def of(self, buckets: Iterable[int]) -> dict[str, int]:
        """The claims in some buckets."""
        found: dict[str, int] = {}
        for bucket in buckets:
            found.update(self._buckets.get(bucket, ()))
        return found

    def change(self, gained: Mapping[str, int], dropped: Iterable[str]) -> dict[str, int]:
        """Let these be claimed, those no longer; tells what is new."""
        new = {vip: epoch for vip, epoch in gained.items() if self.table.get(vip) != epoch}
        for vip, epoch in new.items():
            self.put(vip, epoch)
        for vip in dropped:
            self.drop(vip)
        return new

    def replace(self, claims: Mapping[str, int], buckets: Collection[int] | None) -> dict[str, int]:
        """Let `claims` be all there is in `buckets` (None: in every bucket); tells what is new.

        Claims that do not belong to these buckets are passed over. New is a VIP that was not
        claimed, or with another epoch.
        """
        if buckets is not None:
            claims = {vip: epoch for vip, epoch in claims.items() if bucket_of(vip) in buckets}
        before = self.table if buckets is None else self.of(buckets)
        return self.change(claims, [vip for vip in before if vip not in claims])
