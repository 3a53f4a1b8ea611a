"""What managers and nodes say to one another about configuration.

An `Order` is the one argument of the Celery task `ORDER`, as JSON builtins (bytes are base64); it
is a hint, and only the newest counts. `Message` is what nodes tell, on `config_exchange`: truth is
what they tell, so whatever is lost on the way is told again or asked for. Bounds are checked where
bytes become messages.
"""

from typing import Annotated

import msgspec
from msgspec.structs import replace

from workers.config.core.applying import Autoupdate
from workers.config.core.manifests import Drift
from workers.config.core.reports import Report, shortened

ORDER = "muster.config.order"
"""The name of the Celery task, on a node's own queue."""
PART_BYTES = 1 << 20
"""The largest `pack` in one order; a node asks for the next part."""
PACK_BYTES = 4 << 30
"""The largest pack that a node puts together."""
HISTORY_BYTES = 48 * 1024
"""The largest `pack` in one `Past`: a message is smaller than a task may be."""
HISTORY_PARTS = 20
"""So many answer one `Ask`."""
KNOWN_MAX = 64
EDIT_BYTES = 48 * 1024
"""The largest edited file that is told; of a larger one only that it differs."""

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=63)]
Commit = Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{40})?$")]
"""40 hexadecimal digits; empty: none."""
Number = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Bytes = Annotated[int, msgspec.Meta(ge=0, le=PACK_BYTES)]
Instant = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4_096)]
Sentence = Annotated[str, msgspec.Meta(max_length=500)]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What a manager wants of a node's own history: a pack of it, from byte `offset` on.

    It leads from the first commit of `known` that the node has, too (none: from nothing), to the
    newest that the node has.
    """

    known: Annotated[tuple[Commit, ...], msgspec.Meta(max_length=KNOWN_MAX)] = ()
    """Commits of the manager's history, newest first."""
    offset: Bytes = 0


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a manager wants of one node."""

    subcluster: Name
    head: Annotated[int, msgspec.Meta(ge=1, le=2**53)]
    """The newest revision."""
    commit: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
    """Its commit: where the pack leads to."""
    target: Number = 0
    """The revision that shall be live; 0: leave what is."""
    ordered: bool = False
    backwards: bool = False
    over_edits: bool = False
    """How much somebody insists, as in `config.core.applying.Wish`."""
    wish: Number = 0
    """Names what an operator asked for: however often it is sent, it is done once. 0: nothing."""
    ask: Ask | None = None
    """If given, nothing else counts: the node tells of its history. This and `reset` are only for
    nodes that say `Standing.histories`."""
    reset: Commit = ""
    """The newest commit of a history that the node shall give up, if that is its newest; the pack
    leads from a commit before it. Empty: none."""
    since: Commit = ""
    """The commit that the pack leads from; empty: from nothing."""
    pack: Annotated[bytes, msgspec.Meta(max_length=PART_BYTES)] = b""
    """The bytes from `offset` on of a pack of `size` bytes; empty: none is sent."""
    offset: Bytes = 0
    size: Bytes = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True, tag="standing"):
    """How a node's replica and live tree are: at its start, after each change, every minute."""

    node: Name
    started_at: Instant
    """When this run of the worker began: ISO 8601, UTC, milliseconds."""
    sequence: Number
    """Of everything that this run tells, from 1 on."""
    number: Number
    commit: Commit
    """The newest revision of its replica; 0 and empty when it has none."""
    live: Number
    live_hash: str
    """What is live, as in a `Report`."""
    target: Number = 0
    """Of the newest order; 0 before one came."""
    wish: Number = 0
    """The newest that this run knows of."""
    busy: bool = False
    """Whether it is applying."""
    drift: Annotated[tuple[Drift, ...], msgspec.Meta(max_length=200)] = ()
    """What people changed in the live tree, the first paths, as at the last look."""
    drift_count: Number = 0
    wants: Commit = ""
    """The commit that it wants a pack to, since `commit`, from byte `offset` on; empty: none."""
    offset: Bytes = 0
    autoupdate: Autoupdate = Autoupdate.TRUE
    refused: Number = 0
    """Tasks that this run threw away since no manager had signed them for this node."""
    trouble: Sentence = ""
    """Why its replica or its live tree cannot be used, for people; empty: nothing is wrong."""
    histories: bool = False
    """Whether it answers an `Ask`, and gives a history up."""
    repaired: Sentence = ""
    """Why this run put a replica aside, and fetches one anew; empty: it did not."""


class Applied(msgspec.Struct, frozen=True, kw_only=True, tag="applied"):
    """What came of one application; it may come twice, with the same sequence."""

    node: Name
    started_at: Instant
    sequence: Number
    report: Report


class Edited(msgspec.Struct, frozen=True, kw_only=True, tag="edited"):
    """One file of the live tree that people changed, removed or added, as it is now.

    Which paths differ is in `Standing.drift`; what is no longer there is over. Of files that others
    on the node may not read, that hold a secret or are larger than `EDIT_BYTES` nothing is told.
    """

    node: Name
    started_at: Instant
    sequence: Number
    live: Number
    """The revision that was live."""
    path: Path
    """In the node's tree."""
    content: Annotated[bytes, msgspec.Meta(max_length=EDIT_BYTES)] | None
    """None: it was removed."""
    executable: bool = False
    more: bool = False
    """Another file of the same look follows at once."""


class Past(msgspec.Struct, frozen=True, kw_only=True, tag="past"):
    """Bytes of a pack of the node's own history, as an `Ask` wanted them."""

    node: Name
    started_at: Instant
    sequence: Number
    since: Commit
    """The commit that the pack leads from; empty: from nothing."""
    commit: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
    """Where it leads to."""
    pack: Annotated[bytes, msgspec.Meta(max_length=HISTORY_BYTES)]
    """From `offset` on, of `size` bytes."""
    offset: Bytes
    size: Bytes


Message = Standing | Applied | Edited | Past


def shorter(message: Message) -> Message | None:
    """The same with half of its details, for a message that is too large; None: there are none."""
    if isinstance(message, Standing) and message.drift:
        return replace(message, drift=message.drift[: len(message.drift) // 2])
    if isinstance(message, Applied) and (message.report.drift or message.report.output):
        report = message.report
        output = shortened(report.output, len(report.output.encode("utf-8", "replace")) // 2)
        if len(output) >= len(report.output):
            output = ""
        drift = report.drift[: len(report.drift) // 2]
        return replace(message, report=replace(report, output=output, drift=drift))
    return None
