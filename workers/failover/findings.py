"""What the audit of a node's addresses put right: facts to tell, and warnings for a while.

Bounded: of a flood, the first are told one by one and the rest as a number. No I/O.
"""

import ipaddress
from collections import deque

from workers.failover.core.actions import Fact, FactKind, Reason
from workers.failover.netlink import KernelAddress

WARN_SECONDS = 600.0
"""How long a finding is among the warnings of the node."""
AT_ONCE = 32
"""Facts told one by one between two calls of `take`."""
_WARNINGS = 16


class Findings:
    """Facts wait to be taken; warnings are kept, the newest of them."""

    def __init__(self) -> None:
        self._facts: list[Fact] = []
        self._more = 0
        self._warnings: deque[tuple[float, str]] = deque(maxlen=_WARNINGS)

    def tell(self, reason: Reason, now: float, *, vip: str = "", detail: str = "") -> None:
        """Something was put right."""
        subject = " ".join(filter(None, (vip, f"({detail})" if vip and detail else detail)))
        self.warn(f"{subject}: {reason.value}", now)
        if len(self._facts) >= AT_ONCE:
            self._more += 1
        else:
            self._facts.append(Fact(FactKind.REPAIRED, vip=vip, reason=reason, detail=detail))

    def warn(self, sentence: str, now: float) -> None:
        """Keep a sentence among the warnings."""
        kept = [one for one in self._warnings if one[1] != sentence]
        self._warnings = deque([*kept, (now, sentence)], _WARNINGS)

    @property
    def waiting(self) -> bool:
        """Whether something has not been told yet."""
        return bool(self._facts)

    def take(self) -> list[Fact]:
        """What has not been told yet."""
        facts, self._facts = self._facts, []
        if self._more:
            facts.append(Fact(FactKind.REPAIRED, detail=f"and {self._more} more were put right"))
            self._more = 0
        return facts

    def warnings(self, now: float) -> list[str]:
        """Sentences of the last `WARN_SECONDS`, oldest first."""
        return [sentence for at, sentence in self._warnings if now - at <= WARN_SECONDS]


def describe(address: KernelAddress, interface: str) -> str:
    """An address as an operator would write it."""
    text = ipaddress.ip_address(address.packed)
    return f"{text}/{address.prefix_length} on {interface}"
