"""Replicas of tables over a network that loses, doubles, delays and parts, played from one seed.

Hosts have clocks of their own, up to an hour apart and drifting. They charge, are killed and start
again with what their disk has, lose their disk, stand still. A ledger knows what really happened.
Never may a replica count more than that, nor forget what it counted itself; when the network is
whole again, all agree with the ledger. `python -m tests.simulation.replicas FIRST COUNT` plays
many.
"""

from __future__ import annotations

import heapq
import itertools
import random
import sys
from dataclasses import dataclass, field

from workers.replication.core.definitions import Table, TableType
from workers.replication.core.journal import Journal
from workers.replication.core.messages import Message, decoded, encoded
from workers.replication.core.tables import Tables

TICK = 0.25
VECTOR_TICKS = 8
EPOCH = 1_700_000_000.0
GAUGES, WINDOWS, CACHE = "connections-inbound", "throttle-messages", "cache"
ADDRESSES = ["192.0.2.1", "2001:db8::1", "198.51.100.0/24", "no address", "nul\0"]
ADDRESSES += [f"2001:db8::{number:x}" for number in range(2, 42)]
NAMES = ["a@example.com", "", "nul\0nul", "ключ", "x" * 2_000]
NAMES += [f"b{number}@example.com" for number in range(40)]
"""More than may be hot at once, so that keys freeze and thaw all the time."""
TABLES = tuple(
    Table(one.value, one, max_delay=0.5, max_pending=20, max_size=100)
    for one in (TableType.CONNECTIONS_INBOUND, TableType.THROTTLE_MESSAGES, TableType.CACHE)
)
JOURNAL_BYTES = 1 << 18
CALM_SECONDS = 16.0
"""After which everyone agrees: a vector, a question, an answer, and those again."""


@dataclass(slots=True)
class Charge:
    """What really happened. `is_sure`: whether its node's disk has it for good."""

    at: float
    host: int
    n: int
    is_sure: bool = True


@dataclass(slots=True)
class Disk:
    """What outlives a process."""

    dump: list[bytes] = field(default_factory=list)
    journals: list[bytearray] = field(default_factory=list)
    incarnation: int = 0


class Host:
    """One node: a clock, a disk, and a replica while it runs."""

    def __init__(self, world: World, number: int) -> None:
        rng = world.rng
        self.world, self.number, self.name = world, number, f"n{number:02}"
        self.skew = rng.choice((0.0, rng.uniform(-3_600, 3_600)))
        self.drift = rng.uniform(-2e-5, 2e-5)
        self.disk = Disk()
        self.tables: Tables | None = None
        self.open: dict[str, int] = {}
        self.writing: tuple[list[bytes], object] | None = None
        self.paused_until = 0.0
        self.start()

    def now(self) -> float:
        return EPOCH + self.skew + self.world.t * (1 + self.drift)

    def start(self) -> None:
        disk = self.disk
        disk.incarnation += 1
        tables = self.world.make(self.name, TABLES, incarnation=disk.incarnation, now=self.now())
        tables.load(disk.dump, self.now())
        for journal in disk.journals:
            tables.replay(bytes(journal), self.now())
        self.tables = tables
        self.writing = None
        self.begin_dump()
        while self.writing:
            self.dump_on()

    def kill(self, is_disk_lost: bool) -> None:
        self.tables = None
        self.writing = None
        if is_disk_lost:
            self.world.lost.add(self.name)
            incarnation = self.disk.incarnation
            self.disk = Disk(incarnation=incarnation)
            self.open = {}
            for charges in self.world.ledger.values():
                for charge in charges:
                    if charge.host == self.number:
                        charge.is_sure = False

    def begin_dump(self) -> None:
        if self.writing is not None or self.tables is None:
            return
        journal = bytearray(JOURNAL_BYTES)
        self.tables.journal = Journal(journal, self.disk.incarnation)
        self.disk.journals.append(journal)
        self.writing = ([], iter(self.tables.dump(self.now())))

    def dump_on(self) -> None:
        if self.writing is None:
            return
        pieces, rest = self.writing
        piece = next(rest, None)  # type: ignore[call-overload]
        if piece is not None:
            pieces.append(piece)
            return
        self.disk.dump, self.disk.journals = pieces, self.disk.journals[-1:]
        self.writing = None

    def charge(self) -> None:
        rng, tables = self.world.rng, self.tables
        assert tables is not None
        kind = rng.random()
        if kind < 0.5:
            key, n = self.world.any(NAMES), rng.randint(1, 5)
            window = tables.window(WINDOWS, key, self.world.span)
            if self.now() >= window.rolls_at:
                window.roll(self.now())
            window.add(n, self.now())
            self.world.ledger[key].append(Charge(self.world.t, self.number, n))
        elif kind < 0.9:
            key = self.world.any(ADDRESSES)
            n = rng.choice((1, 1, 2, -1, -2))
            tables.gauge(GAUGES, key).add(n)
            self.open[key] = max(0, self.open.get(key, 0) + n)
        else:
            value = str(self.world.t).encode()
            tables.put(CACHE, self.world.any(NAMES), value, self.now(), rng.choice((5.0, 500.0)))

    def tick(self, count: int) -> None:
        tables = self.tables
        assert tables is not None
        due = tables.pending(self.now())
        while due is not None and due <= self.now():
            delta = tables.batch(self.now())
            if delta is None:
                break
            self.world.send(self, delta)
        if (count + self.number) % VECTOR_TICKS == 0:
            self.world.send(self, tables.vector(self.now()))
            tables.tidy(self.now())
        for _ in range(8):
            if tables.owes and (piece := tables.piece(self.now())):
                self.world.send(self, piece)


class World:
    """All of it. `broken` is what went wrong first, or nothing."""

    def __init__(self, seed: int, make: type[Tables] = Tables, host: type[Host] = Host) -> None:
        self.make = make
        self.rng = rng = random.Random(seed)
        self.t = 0.0
        self.ledger: dict[str, list[Charge]] = {key: [] for key in NAMES}
        self.mail: list[tuple[float, int, int, bytes]] = []
        self.numbers = itertools.count()
        self.span = rng.choice((30.0, 60.0, 300.0))
        self.loss = rng.choice((0.0, 0.05, 0.3))
        self.doubling = rng.choice((0.0, 0.2))
        self.slowness = rng.choice((0.01, 0.3, 3.0))
        self.parts: list[int] = []
        self.lost: set[str] = set()
        """Hosts that have lost a disk."""
        self.lag = 0.0
        """The slowest message so far: how much later a peer's buckets may go."""
        many = rng.choice((3, 3, 3, 4, 5, 8, 16))
        self.hosts = [host(self, number) for number in range(many)]
        self.down: dict[int, float] = {}
        self.parts = [0] * many

    def any(self, keys: list[str]) -> str:
        """One of a few keys mostly, or any."""
        return self.rng.choice(keys[:5] if self.rng.random() < 0.5 else keys)

    def send(self, sender: Host, message: Message) -> None:
        data = encoded(message)
        for host in self.hosts:
            if host is sender or self.parts[host.number] != self.parts[sender.number]:
                continue
            for _ in range(1 + (self.rng.random() < self.doubling)):
                if self.rng.random() >= self.loss:
                    delay = self.rng.uniform(0.001, self.slowness)
                    self.lag = max(self.lag, delay + TICK)
                    entry = (self.t + delay, next(self.numbers), host.number, data)
                    heapq.heappush(self.mail, entry)

    def deliver(self) -> None:
        while self.mail and self.mail[0][0] <= self.t:
            _at, _number, number, data = heapq.heappop(self.mail)
            host = self.hosts[number]
            if host.paused_until > self.t:
                entry = (host.paused_until, next(self.numbers), number, data)
                heapq.heappush(self.mail, entry)
            elif host.tables is not None:
                for answer in host.tables.take(decoded(data), host.now()):
                    self.send(host, answer)

    def disturb(self) -> None:
        rng = self.rng
        if rng.random() < 0.02:
            self.parts = [rng.randrange(2) for _ in self.hosts]
        elif rng.random() < 0.05:
            self.parts = [0] * len(self.hosts)
        if rng.random() < 0.02:
            host = rng.choice(self.hosts)
            if host.tables is not None:
                host.kill(is_disk_lost=rng.random() < 0.15)
                self.down[host.number] = self.t + rng.choice((0.0, 2.0, 8.0))
        if rng.random() < 0.02:
            pause = rng.uniform(0.5, 6.0)
            rng.choice(self.hosts).paused_until = self.t + pause
            self.lag = max(self.lag, self.slowness + pause + TICK)
        if rng.random() < 0.05:
            rng.choice(self.hosts).begin_dump()
        for host in self.hosts:
            if host.tables is not None and rng.random() < 0.5:
                host.dump_on()

    def step(self, count: int, is_calm: bool) -> None:
        self.t += TICK
        for number, until in list(self.down.items()):
            if self.t >= until:
                del self.down[number]
                self.hosts[number].start()
        if not is_calm:
            self.disturb()
        alive = [host.name for host in self.hosts if host.tables is not None]
        self.deliver()
        for host in self.hosts:
            if host.tables is None or host.paused_until > self.t:
                continue
            host.tables.alive(alive)
            if not is_calm:
                for _ in range(self.rng.choice((0, 0, 1, 3))):
                    host.charge()
            host.tick(count)

    def counted(self, key: str, age: float, *, host: int | None = None, sure: bool = False) -> int:
        """What really happened with a key within `age` seconds."""
        return sum(
            one.n
            for one in self.ledger[key]
            if one.at >= self.t - age
            and (host is None or one.host == host)
            and (one.is_sure or not sure)
        )

    def excess(self) -> str:
        """Say where a replica counts what did not happen, or forgot its own."""
        for host in self.hosts:
            if host.tables is None:
                continue
            for key in self.rng.sample(NAMES, 12):
                window = host.tables.window(WINDOWS, key, self.span)
                window.roll(host.now())
                most = self.counted(key, self.span * 61 / 60 + self.lag + 0.1)
                least = self.counted(key, self.span - 0.1, host=host.number, sure=True)
                if window.total > most or window.own < least:
                    told = f"{window.total} of at most {most}, own {window.own} of {least}"
                    return f"t={self.t} {host.name} window {key[:20]!r}: {told}"
            for key in ADDRESSES:
                gauge = host.tables.gauge(GAUGES, key)
                if gauge.own != host.open.get(key, 0):
                    told = f"own {gauge.own}, open {host.open.get(key, 0)}"
                    return f"t={self.t} {host.name} gauge {key!r}: {told}"
        return ""

    def disagreement(self) -> str:
        """Say where a replica is not at one with the ledger, or with another, after the calm."""
        for host in self.hosts:
            assert host.tables is not None
            for key in NAMES:
                window = host.tables.window(WINDOWS, key, self.span)
                window.roll(host.now())
                least = self.counted(key, self.span - 0.1, sure=True)
                if window.total < least:
                    return f"{host.name} window {key[:20]!r}: {window.total}, at least {least}"
            for key in ADDRESSES:
                total = host.tables.gauge(GAUGES, key).total
                real = sum(one.open.get(key, 0) for one in self.hosts)
                if total != real:
                    return f"{host.name} gauge {key!r}: {total}, really {real}"
            strange = host.tables.counts()["strange"]
            if strange:
                return f"{host.name}: {strange} strange"
        return self.caches_apart()

    def caches_apart(self) -> str:
        """Say where caches differ; of who lost its disk, some may have what others never heard."""
        every = [
            {key: (value, who) for key, value, who in host.tables.values(CACHE, host.now())}
            for host in self.hosts
            if host.tables is not None
        ]
        unsure = {key for rows in every for key, (_v, who) in rows.items() if who in self.lost}
        for rows in every:
            for key in rows.keys() ^ every[0].keys() | rows.keys():
                if key not in unsure and rows.get(key) != every[0].get(key):
                    return f"cache {key[:20]!r}: {rows.get(key)} and {every[0].get(key)}"
        return ""

    def play(self, seconds: float) -> str:
        """Return what went wrong first; "" where nothing did."""
        ticks = int(seconds / TICK)
        for count in range(ticks):
            self.step(count, is_calm=False)
            if count % 20 == 0 and (found := self.excess()):
                return found
        self.loss, self.parts, self.slowness = 0.0, [0] * len(self.hosts), 0.05
        for host in self.hosts:
            host.paused_until = 0.0
        self.down = dict.fromkeys(self.down, 0.0)
        for count in range(int((CALM_SECONDS + 6) / TICK)):
            self.step(count, is_calm=True)
        return self.excess() or self.disagreement()


def run(seed: int, make: type[Tables] = Tables, host: type[Host] = Host) -> str:
    """Play one seed; return what went wrong first, or ""."""
    world = World(seed, make, host)
    return world.play(world.rng.choice((20.0, 40.0)))


if __name__ == "__main__":
    first, many = int(sys.argv[1]), int(sys.argv[2])
    broken = {seed: found for seed in range(first, first + many) if (found := run(seed))}
    for seed, found in broken.items():
        print(f"seed {seed}: {found}")
    print(f"{many} schedules from {first}: {len(broken)} broken")
    sys.exit(bool(broken))
