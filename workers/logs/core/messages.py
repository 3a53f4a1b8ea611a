"""What nodes and collectors tell each other about logs.

A piece of a log is named by segment and offset, so it may come as often as it likes. A node holds a
piece until the collector says that it is kept; a collector that finds a gap says where to go on.
"""

from typing import Annotated

import msgspec

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
SegmentName = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
POSITIONS_MAX = 1_000
"""Of one `Kept`; a collector that has more to say says it in several."""


class Shipment(msgspec.Struct, frozen=True, tag="shipment"):
    """Node to subscriber: `data` of a segment from `offset` on, as it stands in the file.

    `dropped`: so many bytes right in front of `offset` the node has given up for this subscriber,
    and will never send; `data` may then be empty.
    """

    subcluster: Name
    node: Name
    log: Name
    segment: SegmentName
    offset: Bytes
    data: bytes
    dropped: Bytes = 0


class Kept(msgspec.Struct, frozen=True, tag="kept"):
    """Subscriber to node: everything of each segment in front of its position is on the disk."""

    subscriber: Name
    subcluster: Name
    node: Name
    positions: Annotated[
        tuple[tuple[SegmentName, Bytes], ...], msgspec.Meta(max_length=POSITIONS_MAX)
    ]


class Want(msgspec.Struct, frozen=True, tag="want"):
    """Subscriber to node: send this segment again, from `position` on."""

    subscriber: Name
    subcluster: Name
    node: Name
    segment: SegmentName
    position: Bytes


Message = Shipment | Kept | Want
