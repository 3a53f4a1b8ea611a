"""How each node counts, as it told last; answered from the pictures."""

from cluster_admin.replication.picture import Picture
from cluster_admin.replication.questions import Answer, Question


async def nodes(pictures: list[Picture], _question: Question, now: float) -> Answer:
    """Those that told, and those that did not."""
    names = (
        *("broker", "cut_off", "requests", "refused", "published_bytes", "heard_bytes"),
        *("healed", "unkept", "problems", "up_seconds"),
    )
    return {
        "rows": [
            {
                "subcluster": picture.subcluster,
                "node": node,
                "age_seconds": max(0.0, now - at),
                **{name: getattr(standing, name) for name in names},
                "faults": standing.errors,
                "by_limit": dict(standing.by_limit),
                "peers": [one.name for one in standing.peers if one.alive],
            }
            for picture in pictures
            for node, (at, standing) in sorted(picture.standings.items())
        ],
        "silent": [
            node for picture in pictures for node in picture.nodes if node not in picture.standings
        ],
    }
