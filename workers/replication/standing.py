"""Makes what a node tells of its replication, for managers, `muster` and Prometheus."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from workers.replication.core.caches import Cache
from workers.replication.core.definitions import Scope
from workers.replication.core.standing import (
    LIMITS_MAX,
    PEERS_MAX,
    REFUSALS_MAX,
    SENTENCE_CHARACTERS,
    TABLES_MAX,
    Peer,
    Refused,
    Standing,
    TableStanding,
    sentences,
)
from workers.replication.core.verdicts import Refusal
from workers.replication.replicator import Replicator

TOLD_SECONDS = 60.0
"""So long a refusal is told again with each standing: a message may be lost."""


class Teller:
    """Of a replicator. `problems`: sentences about what else is wrong."""

    def __init__(self, replicator: Replicator, problems: Callable[[], Iterable[str]]) -> None:
        self._replicator, self._problems = replicator, problems
        self._refused: deque[Refused] = deque(maxlen=REFUSALS_MAX)
        self._number = int(replicator.began_at * 1_000)
        self._known = 0

    def standing(self) -> Standing:
        """How the node is now."""
        one = self._replicator
        now, limits, links = one.clock(), one.limits, one.links.values()
        counts = [part.counts() for part in one.shared.parts.values()]
        by_limit: dict[str, int] = {}
        for (limit, _test), count in limits.refusals.counts.items():
            by_limit[limit] = by_limit.get(limit, 0) + count
        refused = sum(n for (_limit, test), n in limits.refusals.counts.items() if not test)
        faults = sum(limits.faults.counts().values())
        return Standing(
            sender=one.site.node,
            at=now,
            up_seconds=max(0.0, now - one.began_at),
            broker=one.links[Scope.SUBCLUSTER].broker,
            cut_off=one.cut_off,
            requests=limits.requests,
            refused=refused,
            errors=faults + sum(link.refused.total() for link in links),
            published_bytes=sum(link.published_bytes for link in links),
            heard_bytes=sum(link.heard_bytes for link in links),
            healed=sum(each["holes"] for each in counts),
            unkept=one.keeper.unkept,
            peers=tuple(self._peers(now))[:PEERS_MAX],
            tables=tuple(self._tables()),
            by_limit=tuple((k[:SENTENCE_CHARACTERS], n) for k, n in by_limit.items())[:LIMITS_MAX],
            refusals=self._newest(now),
            problems=sentences((*one.keeper.complaints, *self._problems())),
        )

    def named(self) -> dict[str, Any]:
        """The same with a name for everything."""
        found = self.standing()
        return {
            **_named(found),
            "peers": [_named(one) for one in found.peers],
            "tables": [_named(one) for one in found.tables],
            "refusals": [_named(one) for one in found.refusals],
        }

    def numbers(self) -> Mapping[str, float]:
        """What Prometheus is told, by name."""
        found = self.standing()
        return {
            "muster_replication_up": float(bool(found.broker)),
            "muster_replication_cut_off": float(found.cut_off),
            "muster_replication_published_bytes": found.published_bytes,
            "muster_replication_heard_bytes": found.heard_bytes,
            "muster_replication_holes": found.healed,
            "muster_replication_unkept": found.unkept,
            "muster_replication_keys": sum(one.keys for one in found.tables),
            "muster_replication_evicted": sum(one.evicted for one in found.tables),
            "muster_replication_problems": len(found.problems),
        }

    def _peers(self, now: float) -> Iterable[Peer]:
        one = self._replicator
        owners = one.shared.parts[Scope.SUBCLUSTER].owners
        heard = one.shared.parts[Scope.SUBCLUSTER].exchange.heard
        for name in sorted(set(one.membership.nodes) - {one.site.node}):
            alive = one.alive is None or name in one.alive
            silent = max(0.0, now - one.heard_at.get(name, one.began_at))
            life = owners.newest(name)
            behind = 0
            if life is not None and name in heard:
                told, _seen = heard[name][1].get((name, life.incarnation), (0, 0))
                behind = max(0, told - life.known)
            yield Peer(name, alive, min(silent, 1e10), behind)

    def _tables(self) -> Iterable[TableStanding]:
        """Tables that have keys, the largest first."""
        found: dict[str, list[Any]] = {}
        for part in self._replicator.shared.parts.values():
            for grid in part.content.every():
                told = found.setdefault(grid.table.name, [grid.table.type.value, 0, 0])
                if isinstance(grid, Cache):
                    told[1] += len(grid.held)
                    told[2] += grid.evicted
                else:
                    told[1] += len(grid.shelf)
                    told[2] += grid.shelf.evicted
        rows = sorted(found.items(), key=lambda row: -row[1][1])[: 2 * TABLES_MAX]
        return [TableStanding(name, *values) for name, values in rows if values[1] or values[2]]

    def _newest(self, now: float) -> tuple[Refused, ...]:
        refusals = self._replicator.limits.refusals
        total = sum(refusals.counts.values())
        new = min(total - self._known, REFUSALS_MAX)
        self._known = total
        found = [each for each, _number in zip(refusals, range(new), strict=False)]
        for each in reversed(found):
            self._number += 1
            self._refused.append(_refused(self._number, each))
        return tuple(one for one in self._refused if now - one.at <= TOLD_SECONDS)


def _refused(number: int, one: Refusal) -> Refused:
    return Refused(
        number,
        one.at,
        one.limit[:SENTENCE_CHARACTERS],
        one.key[:512],
        one.value,
        one.most,
        one.action.value,
        one.test,
    )


def _named(one: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__struct_fields__}
