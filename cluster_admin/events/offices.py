"""The subclusters that the listener serves, as the database defines them; looked at every second.

New subclusters, nodes and VIPs are picked up while it runs. Rows' keys are remembered, since every
message names nodes and VIPs.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cluster_admin.events import statuses
from cluster_admin.events.desk import Desk
from cluster_admin.events.moments import Moment
from cluster_admin.events.picture import Picture
from cluster_admin.events.statuses import Defined
from cluster_admin.events.storing import cursors
from cluster_admin.inventory.models import Subcluster
from workers.bus.codec import Codec
from workers.failover.core.reports import Message

LOOK_SECONDS = 1.0
LOOK_AGAIN_SECONDS = 0.2
"""When a message names a VIP that is not known here."""
CHECK_SECONDS = 30.0
"""How often every row is compared with the picture, whoever changed it."""
LONG_AGO = float("-inf")


@dataclass(slots=True)
class Office:
    """A subcluster's desk, and the keys of the rows behind it."""

    pk: int
    revision: int
    desk: Desk
    defined: Defined


class Offices:
    """All offices, by the name of the subcluster."""

    def __init__(self, codec: Callable[[str], Codec[Message]]) -> None:
        self._codec = codec
        self._offices: dict[str, Office] = {}
        self._looked_at = self._checked_at = LONG_AGO

    def __iter__(self) -> Iterator[tuple[str, Office]]:
        return iter(self._offices.items())

    def look(self, now: Moment, *, again: bool = False) -> None:
        """See what is defined, if that was long ago; `again`: something unknown was named."""
        pause = LOOK_AGAIN_SECONDS if again else LOOK_SECONDS
        if now.seconds - self._looked_at < pause:
            return
        found = {row.name: row for row in Subcluster.objects.all()}
        for name in self._offices.keys() - found.keys():
            del self._offices[name]
        for name, row in found.items():
            office = self._offices.get(name)
            if office is None or office.pk != row.pk:
                self._offices[name] = self._opened(row, now)
            elif office.revision != row.revision:
                _reload(office, row.revision, now)
        self._looked_at = now.seconds
        if now.seconds - self._checked_at >= CHECK_SECONDS:
            self._checked_at = now.seconds
            for _, office in self:
                office.desk.unwritten = office.desk.picture.views()

    def doubt(self) -> None:
        """What was read is no longer right: read it again at the next look."""
        self._looked_at = LONG_AGO
        for _, office in self:
            office.revision = -1

    def _opened(self, row: Subcluster, now: Moment) -> Office:
        desk = Desk(row.name, self._codec(row.name), Picture(now.seconds))
        for (node, incarnation), through in cursors(row.name).items():
            desk.known.setdefault(node, {})[incarnation] = through
        office = Office(row.pk, row.revision, desk, Defined())
        _reload(office, row.revision, now)
        return office


def _reload(office: Office, revision: int, now: Moment) -> None:
    defined, desk = statuses.load(office.pk, now), office.desk
    desk.picture.define(defined.node_views, defined.vip_views, now.seconds, defined.terms)
    desk.keep(defined.nodes)
    views = desk.picture.views()
    desk.unwritten.nodes.update({name: views.nodes[name] for name in defined.rowless_nodes})
    desk.unwritten.vips.update({vip: views.vips[vip] for vip in defined.rowless_vips})
    office.defined, office.revision = defined, revision
