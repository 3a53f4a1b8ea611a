"""Which capabilities of the kernel this process has: asked before anything is half done."""

import enum
from pathlib import Path


class Capability(enum.Enum):
    """A bit of the effective set, as in linux/capability.h."""

    NET_ADMIN = 12
    NET_RAW = 13


def has(capability: Capability) -> bool:
    """Whether this process may use `capability` now."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> capability.value & 1)
    return False
