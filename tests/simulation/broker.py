"""Ring A: a fanout exchange and one TCP connection to it per node.

It can be down, silent (accepts, delivers nothing), or hold messages and deliver them late in a
burst; a node's connection can be cut as TCP is: nothing is lost, everything comes late, until
somebody gives up. Order within a connection is kept.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from workers.failover.core.events import Received

if TYPE_CHECKING:
    from tests.simulation.world import World

CONNECT_SECONDS = 1.0
"""A connection attempt is given up after this long."""
RETRY_SECONDS = 0.5


class Connection:
    """One node's TCP connection to the broker."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.open = False
        self.cut = False
        self.late = False
        """The way is there again, TCP has not noticed yet."""
        self.attempt = 0
        self.out: list[Received] = []
        self.waiting: list[Received] = []
        self.last_out = 0.0
        self.last_in = 0.0


class Broker:
    """The broker (or a cluster of them: nodes may sit on different members)."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.up = True
        self.reachable = True
        """False: the broker's host is off the net, nobody gets a FIN."""
        self.silent: set[str] = set()
        """Nodes whose broker takes messages, passes none on and delivers none."""
        self.holding = False
        self.keeps = False
        """What a silent broker took is delivered later instead of lost."""
        self.held: list[tuple[float, str, Received]] = []
        self.blocked: set[str] = set()
        self.give_up_seconds = 3.0
        self.latency = 0.0006
        self.spread = 0.0015
        self.connections: dict[str, Connection] = {}
        self.overdue: set[tuple[str, str]] = set()
        """Sender and receiver: a word has been under way for longer than counts as death."""

    def add(self, name: str) -> None:
        """Know a node."""
        self.connections[name] = Connection(name)

    # -- connections

    def _reaches(self, name: str) -> bool:
        return self.reachable and name not in self.blocked and self.world.hosts[name].attached

    def connect(self, name: str) -> None:
        """The agent of `name` opens its connection."""
        connection = self.connections[name]
        connection.attempt += 1
        attempt = connection.attempt
        if not self._reaches(name):
            self.world.after(CONNECT_SECONDS, self._failed, name, attempt)
        elif not self.up:
            self.world.after(0.002, self._failed, name, attempt)
        else:
            self.world.after(0.01 + self.world.random() * 0.06, self._opened, name, attempt)

    def _opened(self, name: str, attempt: int) -> None:
        connection, host = self.connections[name], self.world.hosts[name]
        if attempt != connection.attempt or host.agent is None:
            return
        if not self.up or not self._reaches(name):
            self._failed(name, attempt)
            return
        connection.open = True
        connection.cut = connection.late = False
        connection.out, connection.waiting = [], []
        self.world.ears.refresh()
        host.ring_a(True)

    def _failed(self, name: str, attempt: int) -> None:
        connection, host = self.connections[name], self.world.hosts[name]
        if attempt != connection.attempt or host.agent is None:
            return
        host.ring_a(False)
        self.world.after(RETRY_SECONDS, self._retry, name, attempt)

    def _retry(self, name: str, attempt: int) -> None:
        host = self.world.hosts[name]
        if attempt == self.connections[name].attempt and host.agent is not None:
            self.connect(name)

    def drop(self, name: str, silently: bool) -> None:
        """The agent is gone, and its queue with it (`silently` makes no difference to others)."""
        connection = self.connections[name]
        connection.open = False
        connection.attempt += 1
        connection.out, connection.waiting = [], []
        self.overdue = {pair for pair in self.overdue if name not in pair}
        self.world.ears.refresh()

    def _lose(self, name: str) -> None:
        """The connection broke and the agent's side noticed."""
        connection = self.connections[name]
        if not connection.open:
            return
        self.drop(name, silently=False)
        host = self.world.hosts[name]
        if host.agent is not None:
            host.ring_a(False)
            self.world.after(0.05, self._retry, name, connection.attempt)

    def refresh(self) -> None:
        """Somebody's way to the broker changed."""
        for name, connection in self.connections.items():
            cut = not self._reaches(name)
            if not connection.open or cut == connection.cut:
                continue
            connection.cut = cut
            if cut:
                self.world.after(self.give_up_seconds, self._give_up, name, connection.attempt)
            else:
                connection.late = True
                late = self.world.random() * 0.6
                self.world.after(late, self._mended, name, connection.attempt)

    def _give_up(self, name: str, attempt: int) -> None:
        connection = self.connections[name]
        if connection.attempt == attempt and connection.open and connection.cut:
            self._lose(name)

    def _mended(self, name: str, attempt: int) -> None:
        """TCP sends again what was not acknowledged, in both directions."""
        connection = self.connections[name]
        if connection.attempt != attempt or connection.cut or not connection.open:
            return
        connection.late = False
        self.world.ears.refresh()
        out, connection.out = connection.out, []
        waiting, connection.waiting = connection.waiting, []
        for event in out:
            self._carry(connection, event)
        for event in waiting:
            self._deliver(connection, event)

    def works(self, name: str) -> bool:
        """Whether words of `name` come through now."""
        connection = self.connections[name]
        usable = self.up and not self.holding and name not in self.silent
        return usable and connection.open and not connection.cut and not connection.late

    def tells(self, sender: str, receiver: str) -> bool:
        """Whether words come through before they are older than what counts as death."""
        return (
            self.works(sender) and self.works(receiver) and (sender, receiver) not in self.overdue
        )

    # -- messages

    def publish(self, name: str, event: Received) -> None:
        """A node publishes; without a connection the message is lost."""
        connection = self.connections[name]
        if not connection.open:
            return
        if connection.cut or connection.late:
            connection.out.append(event)
        else:
            self._carry(connection, event)

    def _carry(self, connection: Connection, event: Received) -> None:
        world = self.world
        when = max(connection.last_out, world.now + self.latency + self.spread * world.random())
        connection.last_out = when
        world.at(when, self._route, connection.name, event, world.now)
        if when > world.now + self._dead_after:
            world.after(self._dead_after, self._overdue, connection.name)

    def _route(self, sender: str, event: Received, sent_at: float = math.inf) -> None:
        """`sent_at`: when it set out, unless something else than a slow broker kept it."""
        if not self.up:
            return
        if self.holding or sender in self.silent:
            if self.holding or self.keeps:
                self.held.append((self.world.now, sender, event))
            return
        for connection in self.connections.values():
            if connection.open and connection.name != sender:
                if connection.name in self.silent:
                    if self.keeps:
                        connection.waiting.append(event)
                elif connection.cut or connection.late:
                    connection.waiting.append(event)
                else:
                    self._deliver(connection, event, sent_at)

    def _deliver(self, connection: Connection, event: Received, sent_at: float = math.inf) -> None:
        world = self.world
        when = max(
            connection.last_in, world.now + self.latency * 0.5 + self.spread * world.random()
        )
        connection.last_in = when
        world.at(when, self._arrive, connection, connection.attempt, event, sent_at)
        due = sent_at + self._dead_after
        if when > due:
            world.at(max(due, world.now), self._overdue, event.message.node, connection.name)

    @property
    def _dead_after(self) -> float:
        return self.world.latest.knobs.dead_after

    def _overdue(self, sender: str, receiver: str = "") -> None:
        """What it says now comes too late, to all when no receiver is named."""
        names = [receiver] if receiver else [name for name in self.connections if name != sender]
        self.overdue.update((sender, name) for name in names if self.works(sender))
        self.world.ears.refresh()

    def _arrive(
        self, connection: Connection, attempt: int, event: Received, sent_at: float
    ) -> None:
        if connection.attempt != attempt or not connection.open:
            return
        if connection.cut or connection.late:
            connection.waiting.append(event)
            return
        pair = (event.message.node, connection.name)
        if pair in self.overdue and self.world.now <= sent_at + self._dead_after:
            self.overdue.remove(pair)
            self.world.ears.refresh()
        self.world.hosts[connection.name].tell("amqp", event)

    # -- faults

    def go_down(self, quietly: bool) -> None:
        """Killed (everybody gets a FIN), or its host lost power (`quietly`)."""
        self.up = False
        self.held.clear()
        self.world.ears.refresh()
        if quietly:
            self.reachable = False
            self.refresh()
            return
        for name in self.connections:
            self.world.after(0.001, self._lose, name)

    def come_up(self) -> None:
        """Started again, with nothing in its queues."""
        quietly, self.up, self.reachable = not self.reachable, True, True
        if quietly:
            for name in self.connections:
                self._lose(name)

    def let_go(self) -> None:
        """What was held comes now, in one burst."""
        self.holding = False
        self.silent.clear()
        held, self.held = self.held, []
        self.world.ears.refresh()
        for _, sender, event in held:
            self._route(sender, event)
        for connection in self.connections.values():
            if connection.open and not connection.cut and not connection.late:
                waiting, connection.waiting = connection.waiting, []
                for event in waiting:
                    self._deliver(connection, event)
