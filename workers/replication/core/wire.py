"""What goes over the bus between nodes and managers: counts, and how a node is. Pure.

Invariant: whoever is connected with the account of one node speaks for no other. What a node knows
of a third one comes in pieces that were asked for; managers count nothing, and only ask.
"""

from workers.replication.core.messages import Ask, Delta, Message
from workers.replication.core.standing import Standing

Wire = Message | Standing
"""Every message; `Codec` takes it as its type."""
CLUSTER_NAME = "*"
"""Signed in place of a subcluster's name where all subclusters speak; none is called so."""


def speaker(message: Wire) -> str:
    """Who says that."""
    return message.owner if isinstance(message, Delta) else message.sender


def may_say(user: str, message: Wire, manager: str) -> bool:
    """Whether the account `user`, which the broker has checked, may; managers have `manager`."""
    if user == manager:
        return isinstance(message, Ask)
    return bool(user) and speaker(message) == user
