"""Why a command ends early: one sentence with the way out, and the exit code that fits.

Every complaint of the manager's commands is a `Complaint`; the sentence goes to stderr unchanged.
What a manager's answer means is decided in `problems`.
"""

from collections.abc import Mapping
from typing import Any

from workers.exit_codes import Exit


class Complaint(Exception):
    """Root of everything that ends a command with a sentence."""

    exit = Exit.FAILED

    def __init__(
        self, sentence: str, code: str = "", told: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(sentence)
        self.code = code
        """The manager's reason code, such as `stale`; empty when it was not the manager."""
        self.told = told or {}
        """The manager's whole answer."""

    @property
    def passing(self) -> bool:
        """Whether it may be over at the next look: nobody answers, it fails, or is too busy."""
        return self.exit in (Exit.FAILED, Exit.UNREACHABLE) or self.code == "throttled"


class Usage(Complaint):
    """The command line, or a value in it, is wrong."""

    exit = Exit.USAGE


class Refused(Complaint):
    """Understood and not done."""

    exit = Exit.REFUSED


class Unreachable(Complaint):
    """Nobody answers, or what answers is no manager."""

    exit = Exit.UNREACHABLE


class Partial(Complaint):
    """Done for some of the targets."""

    exit = Exit.PARTIAL


class Unknown(Complaint):
    """No longer waited for; it may still happen, or have happened."""

    exit = Exit.UNKNOWN


class Cancelled(Complaint):
    """The operator said no."""

    exit = Exit.CANCELLED
