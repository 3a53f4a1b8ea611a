"""How nodes stand, as the rows say: what decisions are made from."""

from collections.abc import Iterable
from datetime import UTC, datetime

from cluster_admin.configs.models import Replica
from cluster_admin.configs.orders import Stand

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def of(rows: Iterable[Replica]) -> dict[str, Stand]:
    """Node -> how it stands."""
    return {row.node: stand(row) for row in rows}


def stand(row: Replica) -> Stand:
    """How the node of a row stands; one that was never heard, as of long ago."""
    return Stand(
        started_at=row.started_at,
        sequence=row.sequence,
        heard_at=row.heard_at or LONG_AGO,
        number=row.number,
        commit=row.commit,
        target=row.target,
        wish=row.known_wish,
    )
