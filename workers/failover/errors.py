"""What can go wrong on the node side of failover, under one root.

Each message names the thing, the value and the way out. Refusals of messages and frames are counted
where they arrive and are no exceptions here.
"""


class FailoverError(Exception):
    """Root of every error that `workers.failover` raises."""


class PlumberError(FailoverError):
    """The kernel's addresses cannot be read or changed."""


class NeighboursError(FailoverError):
    """Raw ARP or neighbour discovery is not possible on an interface."""


class InterfaceError(PlumberError, NeighboursError):
    """The definitions and this host's interfaces do not fit together."""
