"""Who else lives in the listener's process: apps above this one that hear a room of their own.

An app says once, when Django starts, how its companion is made. The listener's command makes each,
and runs it in the same loop, without knowing whose it is. A companion keeps database, git and other
slow work in threads of its own: heartbeats of the picture wait for nobody.
"""

from collections.abc import Callable, Sequence
from typing import Protocol


class Companion(Protocol):
    """Something that hears the bus beside the listener."""

    def stop(self) -> None:
        """End at once."""

    async def run(self) -> None:
        """Hear until `stop`; raises nothing that a broker or a database can cause."""


Maker = Callable[[str, Sequence[str], Sequence[bytes], Callable[[str], None]], Companion]
"""(cluster, addresses of brokers, keys, where to say one line) -> a companion."""
makers: list[Maker] = []


def accompany(maker: Maker) -> None:
    """Let another app hear the bus in the listener's process."""
    if maker not in makers:
        makers.append(maker)
