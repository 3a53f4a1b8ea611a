"""Who does something: a value that goes with every change, from the edge to the audit record."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """A user, or a part of the manager that acts by itself (`via` is then system)."""

    name: str
    source: str = ""
    """IP address of the client."""
    token: str = ""
    """Name of the token used; empty for a session."""
    via: str = "system"
    """admin, api or system."""


SYSTEM = Actor("system")
