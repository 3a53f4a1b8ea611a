"""What the lab raises: one root; a message names the thing, the value and the way out."""


class LabError(Exception):
    """The lab could not do what was asked."""


class LabRefused(LabError):
    """The lab does not do this: wrong input, a name or subnet taken, no such lab or host."""
