"""The labs that are measured side by side: ours and keepalived, at their defaults and at 0.1 s.

All have the same hosts, wiring, client, probe and faults, three nodes and six VIPs, no mail. Ours
has a broker, as its users have; keepalived needs none.
"""

from dataclasses import dataclass

from workers.lab.bringup import Wish
from workers.lab.core.hosts import Software

SHORT_SECONDS = 0.1
_EQUALS = ("kill-agent", "stop-agent", "isolate", "clean-stop", "split", "heal")
BOTH = ("control", "power-loss", "cable", *_EQUALS)
"""Faults that can be done to either."""
ALONE = (
    *("kill-agent-for-good", "freeze", "drain", "planned-move", "broker-kill", "broker-freeze"),
    *("broker-cut", "broker-kill+power-loss", "clock-step", "stop-agent+link-flap"),
    *("double-cut", "double-cut-quorum"),
)
"""Faults of what keepalived does not have, or that only our promises are about."""
WITH_MANAGER = ("control", "manager-down", "manager-down+power-loss")
QUICK = ("control", "power-loss", "kill-agent")


@dataclass(frozen=True, slots=True)
class Side:
    """One of the labs; `suffix` makes its name."""

    name: str
    suffix: str
    scenarios: tuple[str, ...]
    interval: float
    software: Software = Software.MUSTER
    manager: bool = False

    @property
    def peer(self) -> bool:
        """Whether it is not ours."""
        return self.software is not Software.MUSTER

    def wish(self, name: str) -> Wish:
        """The lab to be brought up; `name` is that of the bench."""
        return Wish(
            name=f"{name}-{self.suffix}",
            brokers=int(not self.peer),
            mail=False,
            heartbeat_interval=self.interval,
            manager=self.manager,
            software=self.software,
        )


OURS = Side("ours", "a", (*BOTH, *ALONE), 0.2)
OURS_SHORT = Side("ours at 0.1 s", "b", BOTH, SHORT_SECONDS)
PEER = Side("keepalived", "c", BOTH, 1.0, Software.KEEPALIVED)
PEER_SHORT = Side("keepalived at 0.1 s", "d", BOTH, SHORT_SECONDS, Software.KEEPALIVED)
MANAGED = Side("ours with a manager", "e", WITH_MANAGER, 0.2, manager=True)
SIDES = (OURS, PEER, OURS_SHORT, PEER_SHORT)
