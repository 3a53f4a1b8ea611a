"""A lab whose nodes run keepalived: waiting until it is well, and who holds what.

The counterpart of `bench.settling`, by what the kernels have: keepalived says nothing of itself.
"""

import time

from bench.errors import BenchError
from workers.lab import keepalived
from workers.lab.lab import Lab

LOOK_SECONDS = 0.2
STILL_LOOKS = 4
SETTLE_SECONDS = 60.0


def settle(lab: Lab) -> None:
    """Wait until each VIP stays in its place, then let the client ask anew where they are.

    Without that a client that an earlier run misled would go on being wrong in this one.
    """
    deadline, still = time.monotonic() + SETTLE_SECONDS, 0
    while still < STILL_LOOKS:
        wanting = keepalived.misplaced(lab.record, keepalived.held(lab.record))
        still = 0 if wanting else still + 1
        if time.monotonic() > deadline:
            raise BenchError(
                f"lab {lab.name} is not well after {SETTLE_SECONDS:.0f} s: {'; '.join(wanting)}"
            )
        time.sleep(LOOK_SECONDS)
    lab.exec("client", ["ip", "neighbour", "flush", "all"])


def holders(lab: Lab) -> dict[str, tuple[str, ...]]:
    """Node -> the VIPs that its kernel has."""
    held = keepalived.held(lab.record)
    return {node: tuple(vip for vip in lab.vips if vip in held[node]) for node in lab.nodes}
