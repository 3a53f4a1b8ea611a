"""One node's kernel as facts.md measured it: VIPs live under an anchor lease.

The lease ends N to N + 0.5 s after its last renewal and takes every VIP along, whether the agent
runs or not. A late renewal restores the anchor alone, never a VIP; a take renews and adds. What it
does not know: who is entitled. It answers ARP for whatever it holds.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.host import Host

NEVER, FOR_EVER = float("-inf"), float("inf")
LATEST_EXPIRY_SECONDS = 0.5
"""The kernel's expiry worker is this late at most."""


class Kernel:
    """The addresses of one host and the lease they hang on; tells the watch of every change."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.world = host.world
        self.held: set[str] = set()
        self.refuses: set[str] = set()
        self.lasting = False
        """A broken host whose lease never ends (promote_secondaries came back)."""
        self.anchor_until = NEVER
        self._armed_at = FOR_EVER
        """When the expiry worker looks next."""

    def renew(self, lease_seconds: int = 0) -> None:
        """Renew the anchor, for `lease_ttl` or as told; VIPs that are gone stay gone."""
        world = self.world
        slack = world.random() * LATEST_EXPIRY_SECONDS
        seconds = lease_seconds or self.host.disk.knobs.lease_ttl
        self.anchor_until = world.now + seconds + slack
        if self.anchor_until < self._armed_at:
            self._arm(self.anchor_until)

    def take(self, vips: Iterable[str]) -> tuple[list[str], list[tuple[str, str]]]:
        """Renew the anchor, then add; VIPs already there count as added."""
        self.renew()
        added, failed = [], []
        for vip in vips:
            if vip in self.refuses:
                failed.append((vip, "the kernel refused the address"))
                continue
            added.append(vip)
            if vip not in self.held:
                self.held.add(vip)
                self.world.watch.held(self.host, vip)
        return added, failed

    def release(self, vips: Iterable[str]) -> None:
        """Remove the VIPs at once; those not there are no error."""
        for vip in vips:
            if vip in self.held:
                self.held.discard(vip)
                self.world.watch.lost(self.host, vip)

    def alive(self) -> bool:
        """Whether the anchor still stands."""
        return self.anchor_until > self.world.now

    def clear(self) -> None:
        """Power is gone, and everything with it."""
        self.anchor_until = NEVER
        self.release(sorted(self.held))

    def shift(self, seconds: float) -> None:
        """The machine stood still for `seconds`: so did its timers."""
        self.anchor_until += seconds

    def wind_up(self) -> None:
        """The lease, whose end was missed, ends soon."""
        if self._armed_at == FOR_EVER and self.anchor_until > NEVER:
            self._arm(self.world.now + self.world.random() * LATEST_EXPIRY_SECONDS)

    def _arm(self, when: float) -> None:
        self._armed_at = when
        self.world.at(when, self._expire, when)

    def _expire(self, armed_at: float) -> None:
        if armed_at != self._armed_at:
            return
        self._armed_at = FOR_EVER
        if self.anchor_until == NEVER or self.lasting:
            return
        if self.host.paused or self.anchor_until > self.world.now:
            self._arm(max(self.anchor_until, self.world.now + 0.1))
            return
        gone = tuple(sorted(self.held))
        if gone:
            self.world.note("lease", f"{self.host.name}: the lease ended, gone: {' '.join(gone)}")
            self.release(gone)
            self.host.lease_ended(gone)
