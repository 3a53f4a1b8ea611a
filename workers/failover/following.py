"""Makes the shell follow new definitions: first whoever asks the wire, then who puts VIPs there.

Invariant: what cannot be asked for is not taken: nobody follows before those who come first do.
Definitions that do not fit this node (an interface that is not there yet) are tried again, and
told, until they are followed or newer ones come.
"""

from typing import Protocol

from workers.failover.core.definitions import Definitions
from workers.failover.errors import FailoverError


class Follower(Protocol):
    """A part of the shell that knows the definitions."""

    def redefine(self, definitions: Definitions) -> None:
        """Follow new definitions; FailoverError, and nothing changed, when they do not fit."""


class Following:
    """The followers, in their order."""

    def __init__(self, *followers: Follower) -> None:
        self._followers = followers
        self._missed: Definitions | None = None
        self.problem = ""
        """Why the newest definitions are not followed, as one sentence; empty when they are."""

    def follow(self, definitions: Definitions) -> bool:
        """Follow new definitions; whether everybody does."""
        self._missed = definitions
        try:
            for follower in self._followers:
                follower.redefine(definitions)
        except FailoverError as error:
            self.problem = f"revision {definitions.revision} is not followed yet: {error}"
            return False
        self._missed, self.problem = None, ""
        return True

    def again(self) -> bool:
        """Try what is not followed yet; whether it is from now on."""
        return self._missed is not None and self.follow(self._missed)
