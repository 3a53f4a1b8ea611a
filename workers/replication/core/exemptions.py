"""Who has another limit than everybody, or none. Pure.

The most specific exemption holds: one of this limit before one of every limit, the very key before
a network, the longest prefix before a shorter one, a domain before those above it.
"""

from collections.abc import Iterable, Iterator

from workers.replication.core.definitions import Exempt, Limit, Per
from workers.replication.core.limit_keys import EVERYONE, address_of, domain_of, network_of

_LABELS_MAX = 128


class Exemptions:
    """Found by key without looking at each: there may be 10,000."""

    def __init__(self, exempts: Iterable[Exempt]) -> None:
        self._words: dict[tuple[str, str], Exempt] = {}
        self._networks: dict[tuple[str, int, int, int], Exempt] = {}
        self._prefixes: dict[tuple[str, int], list[int]] = {}
        for one in exempts:
            self._words.setdefault((one.limit, one.key.lower()), one)
            network = network_of(one.key)
            if network is not None:
                version, prefix = network.version, network.prefixlen
                place = (one.limit, version, prefix, int(network.network_address))
                self._networks.setdefault(place, one)
                prefixes = self._prefixes.setdefault((one.limit, version), [])
                if prefix not in prefixes:
                    prefixes.append(prefix)
                    prefixes.sort(reverse=True)

    def find(self, limit: Limit, text: str) -> Exempt | None:
        """Return what holds for whoever said `text`, if anything does."""
        for name in (limit.name, ""):
            if limit.per in (Per.ADDRESS, Per.NETWORK):
                found = self._by_address(name, text)
            else:
                asked = _words(limit.per, text)
                found = next(filter(None, (self._words.get((name, one)) for one in asked)), None)
            if found is not None:
                return found
        return None

    def most(self, limit: Limit, text: str) -> int | None:
        """Return how much `limit` allows whoever said `text`; None: as much as they like."""
        found = self.find(limit, text) if self._words else None
        return limit.most if found is None else found.most

    def _by_address(self, name: str, text: str) -> Exempt | None:
        address = address_of(text)
        if address is None:
            return None
        for prefix in self._prefixes.get((name, address.version), ()):
            shift = address.max_prefixlen - prefix
            begin = int(address) >> shift << shift
            found = self._networks.get((name, address.version, prefix, begin))
            if found is not None:
                return found
        return None


def _words(per: Per, text: str) -> Iterator[str]:
    if per is Per.GLOBAL:
        yield EVERYONE
        return
    yield text.lower()
    domain = domain_of(text)
    yield domain
    labels = domain.split(".", _LABELS_MAX)
    for number in range(len(labels)):
        yield "." + ".".join(labels[number:])
