"""Whether a node is cut off from its peers, so that it goes on with its share of each limit. Pure.

A broker that is left for the next, or a peer whose worker starts anew, is gone for seconds, and
cuts nobody off. Peers that the failover declared dead are missed by nobody.
"""

from collections.abc import Collection, Mapping

AWAY_SECONDS = 5.0
"""Without any broker for so long."""
SILENT_SECONDS = 10.0
"""No peer that is alive was heard for so long."""


def is_cut_off(
    peers: Collection[str],
    alive: Collection[str],
    heard_at: Mapping[str, float],
    lost_at: float | None,
    began_at: float,
    now: float,
) -> bool:
    """Say it of a node with these `peers`, of whom some are `alive`.

    `heard_at`: when each was heard last; `lost_at`: since when there is no broker, None while there
    is one; `began_at`: when listening began. Seconds of one clock.
    """
    if not peers:
        return False
    if lost_at is not None and now - lost_at > AWAY_SECONDS:
        return True
    missed = [one for one in peers if one in alive]
    return bool(missed) and all(
        now - heard_at.get(one, began_at) > SILENT_SECONDS for one in missed
    )
