"""How much of a message is left."""


class Room:
    """Bytes that still fit."""

    __slots__ = ("full", "left")

    def __init__(self, size: int) -> None:
        self.left = self.full = size

    def take(self, size: int) -> bool:
        """Take room; return whether there was enough; what fits none takes a whole one."""
        if size > self.left and self.left < self.full:
            return False
        self.left -= size
        return True
