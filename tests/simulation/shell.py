"""The agent process: an inbox per socket, timers, and the machine's actions performed in order.

While it is stopped or starved everything waits, and what arrives for a patient machine does for as
long as it says; then it reads each socket in its order (the sockets in any order), and wakes if its
deadline passed. SIGSTOP and SIGKILL may hit around the netlink call of a Take or Renew: then the
50 ms rule of `actions` applies as in the plumber.
"""

from __future__ import annotations

import math
from collections import deque
from enum import Enum, auto
from typing import TYPE_CHECKING

from workers.failover.core import actions as a
from workers.failover.core.events import (
    Checked,
    Event,
    Received,
    RestartRequested,
    Ring,
    RingChanged,
    Started,
    StopRequested,
    Taken,
    Wake,
)

if TYPE_CHECKING:
    from tests.simulation.host import Host

SOCKET_LIMITS = {"udp": 160, "arp": 300}
"""Messages that fit in a receive buffer; newer ones are dropped."""
FIRST_CHECK_SECONDS = 2.0
"""A new agent's health checks have run within so long, or one interval."""
WAKES_IN_A_ROW = 200
WAKE = Wake()


class Point(Enum):
    """Where around a netlink call a signal hits."""

    BEFORE_CHECK = auto()
    BEFORE_CALL = auto()
    AFTER_CALL = auto()
    BEFORE_RELEASE = auto()
    AFTER_RELEASE = auto()
    """Off the kernel, and nobody told."""


class Agent:
    """One life of the agent process on `host`."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.world = host.world
        self.alive = True
        self.holds = 0
        """How many stops are in force; it runs when there are none."""
        self.inbox: list[tuple[str, Event]] = []
        self.stop_requested = False
        self.successor_after: float | None = 0.3 + self.world.random() * 0.3
        """When it exited by itself: seconds until the next one starts; None: never."""
        self.ambush: tuple[Point, float | None, float] | None = None
        """(point, restart after a kill or None for a stop, seconds stopped)."""
        self._next = math.inf
        self._wakes = 0
        self._taken: deque[Taken] = deque()
        self._outcome = Taken(())
        self._rest: tuple[a.Action, ...] = ()
        self._staged: tuple[a.Take | a.Renew, Point] | None = None
        self.machine = self.world.machine(host.name, host.disk, host.incarnation, (host.mac,))

    # -- life

    def start(self) -> None:
        """Open the sockets and tell the machine what the kernel has."""
        host = self.host
        host.kernel.release(sorted(host.kernel.held - set(host.disk.vips)))
        if not host.kernel.alive():
            host.kernel.release(sorted(host.kernel.held))
        self.handle(Started(tuple(v for v in host.disk.vips if v in host.kernel.held)))
        self.world.after(0.001, self.receive, "udp", RingChanged(Ring.B, True))
        self.world.broker.connect(host.name)
        if any(vip.check for vip in self.world.latest.vips.values()):
            first = min(FIRST_CHECK_SECONDS, host.disk.knobs.check_interval)
            self.world.after(first * self.world.random(), self._run_checks)

    def _run_checks(self) -> None:
        """Tell the machine how each check that VIPs name goes here, and again an interval later."""
        if not self.alive:
            return
        host = self.host
        self.world.after(host.disk.knobs.check_interval, self._run_checks)
        for check in sorted({vip.check for vip in host.disk.vips.values() if vip.check}):
            if self.running:
                self.handle(Checked(check, check not in host.sick, "it is sick"))

    def die(self) -> None:
        """The process is gone, with everything that waited in its sockets."""
        self.alive = False
        self.inbox.clear()

    @property
    def running(self) -> bool:
        """Whether it gets to run now."""
        return self.alive and not self.holds and not self.host.paused

    def stop(self) -> None:
        """SIGSTOP, or a loop that got no CPU."""
        self.holds += 1
        self.world.ears.refresh()

    def go_on(self) -> None:
        """SIGCONT: finish what was begun, read everything, then wake."""
        if not self.alive or not self.holds:
            return
        self.holds -= 1
        self.host.numb_until = self.world.now
        self.world.disturb()
        self.world.ears.refresh()
        if not self.holds and not self.host.paused:
            self.catch_up()

    def catch_up(self) -> None:
        """Work off what waited while the process could not run."""
        if not self.finish():
            return
        while self.running and self.inbox:
            waiting, self.inbox = self.inbox, []
            order = sorted({source for source, _ in waiting})
            self.world.rng.shuffle(order)
            todo = [(s, e) for source in order for s, e in waiting if s == source]
            for index, (_, event) in enumerate(todo):
                if self.holds or not self.alive or self.host.paused:
                    self.inbox = todo[index:] + self.inbox
                    return
                self.handle(event)
        if self.running:
            self.rearm()
            if self.machine.deadline() <= self.host.clock():
                self.handle(WAKE)

    def finish(self) -> bool:
        """Go on behind the netlink call in which it stood still; False when it does so again."""
        staged, self._staged = self._staged, None
        if staged is not None and not self._netlink(staged[0], staged[1]):
            return False
        rest, self._rest = self._rest, ()
        self._perform(rest)
        return True

    # -- events in

    def receive(self, source: str, event: Event) -> None:
        """Handle an event, or queue it while the process does not run or the machine is patient."""
        if not self.alive:
            return
        if self.holds or self.host.paused:
            limit = SOCKET_LIMITS.get(source)
            if limit is None or sum(1 for s, _ in self.inbox if s == source) < limit:
                self.inbox.append((source, event))
            return
        if self.machine.patience:
            if not self.inbox:
                self.world.after(self.machine.patience, self._read)
            self.inbox.append((source, event))
        elif self.inbox:
            self.inbox.append((source, event))
            self.catch_up()
        else:
            self.handle(event)

    def _read(self) -> None:
        """What arrived first has waited for long enough."""
        if self.running:
            self.catch_up()

    def request_stop(self) -> None:
        """SIGTERM."""
        self.stop_requested = True
        self.receive("signal", StopRequested())

    def request_restart(self, lease_seconds: int, successor_after: float | None) -> None:
        """An upgrade: leave under a longer lease; the next agent starts later, or never."""
        self.successor_after = successor_after
        self.receive("signal", RestartRequested(lease_seconds))

    def handle(self, event: Event) -> None:
        """One step of the loop."""
        host, world = self.host, self.world
        if world.tracing:
            self._trace_event(event)
        if event is WAKE:
            self._wakes += 1
            if self._wakes > WAKES_IN_A_ROW:
                world.fail("busy loop", f"{host.name}: {self._wakes} wakes without another event")
        elif self._wakes:
            self._wakes = 0
        world.steps += 1
        try:
            actions, facts = self.machine.decide(event, host.clock())
        except Exception as problem:
            world.crash(host.name, event, problem)
            return
        if facts:
            world.facts(host, facts)
        if actions:
            self._perform(tuple(actions))
        if self.alive:
            self._arm()

    def _trace_event(self, event: Event) -> None:
        if isinstance(event, Received):
            message = event.message
            self.world.note("in", f"{self.host.name} <- {event.ring.value} {message}", detail=True)
        else:
            self.world.note("in", f"{self.host.name} <- {event}", detail=True)

    # -- timers

    def rearm(self) -> None:
        """The clock was changed under the timer: set it anew."""
        self._next = math.inf
        self._arm()

    def _arm(self) -> None:
        deadline = self.machine.deadline()
        if deadline >= self._next:
            return
        self._next = deadline
        world = self.world
        when = self.host.instant(deadline)
        world.at(max(when, world.now) + 0.00005 + world.random() * 0.0008, self._timer, deadline)

    def _timer(self, armed: float) -> None:
        if armed != self._next or not self.alive:
            return
        self._next = math.inf
        if self.holds or self.host.paused:
            return
        if self.inbox:
            self.catch_up()
        elif self.machine.deadline() <= self.host.clock():
            self.handle(WAKE)
        else:
            self._arm()

    # -- actions out

    def _perform(self, actions: tuple[a.Action, ...]) -> None:
        for index, action in enumerate(actions):
            kind = type(action)
            if kind is a.Send:
                self.world.network.send(self.host, action)  # type: ignore[arg-type]
            elif kind is a.Take or kind is a.Renew:
                if not self._netlink(action, None):  # type: ignore[arg-type]
                    self._rest = actions[index + 1 :]
                    return
            elif kind is a.Release:
                if self._ambushed(action, Point.BEFORE_RELEASE):
                    self._rest = actions[index:]
                    return
                self.host.kernel.release(action.vips)  # type: ignore[union-attr]
                if self._ambushed(action, Point.AFTER_RELEASE):
                    self._rest = actions[index + 1 :]
                    return
            else:
                self._do(action)
                if not self.alive:
                    return
        while self._taken and self.running:
            self.handle(self._taken.popleft())

    def _do(self, action: a.Action) -> None:
        host, network = self.host, self.world.network
        match action:
            case a.Probe():
                network.ask(host, action.addresses, action.probing, action.mac)
            case a.Announce():
                network.announce(host, action.vips)
            case a.Refer():
                network.refer(host, action.vips, action.mac)
            case a.HandDefinitions():
                network.hand(host, action.to)
            case a.SaveIncarnation():
                host.incarnation = max(host.incarnation, action.incarnation)
            case a.Exit():
                self.world.note("agent", f"{host.name}: exits: {action.sentence}")
                self.die()
                host.agent_exited(self)

    def _netlink(self, action: a.Take | a.Renew, after: Point | None) -> bool:
        """Perform from behind point `after` on; False when a signal hit in between."""
        passed = 0 if after is None else after.value
        if passed < Point.BEFORE_CHECK.value and self._ambushed(action, Point.BEFORE_CHECK):
            return False
        if passed < Point.BEFORE_CALL.value:
            if self._stale(action):
                return self._refuse(action)
            if self._ambushed(action, Point.BEFORE_CALL):
                return False
        if passed < Point.AFTER_CALL.value:
            self._call(action)
            if self._ambushed(action, Point.AFTER_CALL):
                return False
        return self._check(action)

    def _call(self, action: a.Take | a.Renew) -> None:
        kernel = self.host.kernel
        if isinstance(action, a.Renew):
            kernel.renew(action.lease_seconds)
            return
        unknown = [vip for vip in action.vips if vip not in self.host.disk.vips]
        if unknown and self.host.disk.revision == self.world.latest.revision:
            self.world.note("take", f"{self.host.name} takes undefined {unknown}")
        added, failed = kernel.take(action.vips)
        self._outcome = Taken(tuple(added), tuple(failed))

    def _check(self, action: a.Take | a.Renew) -> bool:
        if isinstance(action, a.Renew):
            return True
        if self._stale(action):
            self.host.kernel.release(action.vips)
            return self._refuse(action)
        self._taken.append(self._outcome)
        return True

    def _refuse(self, action: a.Take | a.Renew) -> bool:
        if isinstance(action, a.Take):
            self.world.note("stale", f"{self.host.name}: too late to take {' '.join(action.vips)}")
            self._taken.append(Taken((), (), stale=True))
        return True

    def _stale(self, action: a.Take | a.Renew) -> bool:
        return self.host.clock() - action.decided_at > a.DECISION_SECONDS

    def _ambushed(self, action: a.Action, point: Point) -> bool:
        if self.ambush is None or self.ambush[0] is not point or isinstance(action, a.Renew):
            return False
        (_, restart, seconds), self.ambush = self.ambush, None
        world, host = self.world, self.host
        if restart is not None:
            world.note("fault", f"{host.name}: killed {point.name}")
            host.kill_agent(restart)
            return True
        world.note("fault", f"{host.name}: stopped {point.name} for {seconds:.3f} s")
        if isinstance(action, a.Take):
            self._staged = (action, point)
        self.stop()
        world.after(seconds, self.go_on)
        return True
