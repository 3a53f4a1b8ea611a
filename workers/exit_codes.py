"""Exit codes of every `muster` command, the same for node, lab and manager commands.

They are listed in docs/reference/cli.md. "Unknown" is never reported as "failed": a command that
stopped waiting says so, since what it asked for may still happen.
"""

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit status says."""

    OK = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    """Understood and not done, for a reason that was printed."""
    UNREACHABLE = 4
    """The node, broker or manager did not answer at all."""
    PARTIAL = 5
    """Done on some of the targets."""
    UNKNOWN = 6
    """Timed out: still running, or the answer was lost."""
    CANCELLED = 7
    """Stopped by the operator before it was done."""
    CHANGES_PENDING = 10
    """A dry run found that something would change."""
