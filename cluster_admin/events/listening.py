"""How a listener is, as a row for pages to read; and whether another one does the work too."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from cluster_admin.events.models import ListenerStatus
from cluster_admin.events.moments import Moment
from cluster_admin.events.storing import clean

FRESH = timedelta(seconds=3)
"""A listener whose row is older does not run, or hears nothing."""


@dataclass(slots=True)
class Listening:
    """What a listener says of itself."""

    name: str
    started_at: datetime
    connected: bool = False
    broker: str = ""
    """One sentence about the connection."""
    refused: int = 0

    def write(self, now: Moment) -> None:
        """Make the row say so; without a connection it keeps the time of the last one."""
        values = {
            "started_at": self.started_at,
            "alive_at": now.time,
            "connected": self.connected,
            "broker": clean(self.broker),
            "refused": self.refused,
        }
        if self.connected:
            values["heard_at"] = now.time
        ListenerStatus.objects.update_or_create(name=clean(self.name, 255), defaults=values)

    def helped(self, now: Moment) -> bool:
        """Whether a listener on another host hears the bus now."""
        others = ListenerStatus.objects.exclude(name=clean(self.name, 255))
        return others.filter(connected=True, heard_at__gt=now.time - FRESH).exists()
