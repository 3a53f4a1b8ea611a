"""How old the manager's picture is: one that is stale is never shown silently."""

from typing import Any

from cluster_admin.cli.durations import ago
from cluster_admin.cli.errors import Complaint
from cluster_admin.cli.session import Call
from cluster_admin.cli.shapes import tell


def freshness(told: dict[str, Any]) -> str:
    """The age of the picture in a sentence, from the answer to `status/`."""
    heard = ago((told.get("listener") or {}).get("age_seconds"))
    cluster = f"cluster {told.get('cluster')}"
    if not heard:
        return f"{cluster}: the listener never heard a node; start it with: manage.py listen"
    if is_stale(told):
        return f"{cluster}: STALE, nothing heard for {heard}; look at the listener's log"
    return f"{cluster}: heard {heard} ago"


def is_stale(told: dict[str, Any]) -> bool:
    """Whether the listener hears nothing, so that states may have changed since."""
    return bool((told.get("listener") or {}).get("stale"))


def warn_if_stale(call: Call) -> None:
    """Say on stderr that states may be old."""
    try:
        told = call.client.get("status/").body
    except Complaint:
        return
    if isinstance(told, dict) and is_stale(told):
        tell(freshness(told))
