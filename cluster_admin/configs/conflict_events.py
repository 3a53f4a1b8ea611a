"""A conflict of histories as an event, so that pages, webhooks and mail tell people of it."""

import time
from datetime import datetime

from cluster_admin.events import notifications, storing
from cluster_admin.events.models import Event
from cluster_admin.events.moments import Moment


def tell(subcluster: str, node: str, number: int, at: datetime) -> None:
    """Store it, and put it into the outbox; in the caller's transaction."""
    storing.take_turn()
    story = storing.Story(subcluster, Moment(time.monotonic(), at))
    reason = f"{node} has r{number} of another history; commits are refused"
    story.tell(Event.Kind.HISTORIES, [("", node, reason)])
    story.write()
    notifications.note(subcluster, story.events, at)
