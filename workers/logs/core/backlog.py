"""When logs pile up on a node for a subscriber: who has to be told, and when it is over.

Invariant: an alarm ends below other bounds than it begins at, so that what goes up and down around
one of them alarms once.
"""

GROWN_SECONDS = 600.0
"""A line that waits for so long alarms, however small the backlog is."""
_WELL_SHARE, _WELL_SECONDS = 0.4, 300.0


def alarm(waiting_bytes: int, seconds: float, limit_bytes: int, *, raised: bool) -> str:
    """What is wrong with a backlog, in a sentence; empty: nothing.

    `seconds`: the age of its oldest line. `raised`: whether it was wrong before.
    """
    share = _WELL_SHARE if raised else 0.5
    if waiting_bytes > share * limit_bytes:
        percent = min(999, 100 * waiting_bytes // limit_bytes)
        return f"{percent} % of what the node keeps for it waits; past 100 % the oldest is dropped"
    if seconds > (_WELL_SECONDS if raised else GROWN_SECONDS):
        return f"its oldest line has waited for {int(seconds // 60)} minutes"
    return ""
