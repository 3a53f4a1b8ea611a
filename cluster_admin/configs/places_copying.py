"""Copies of subclusters: a new one with the files and settings of another, as one revision.

It begins without nodes, networks and VIPs: those are the other's own. Files and logs of single
nodes are not copied either; replicated tables and limits are. A subcluster that is there is never
copied over: that is a promotion.
"""

from dataclasses import replace

from django.conf import settings

from cluster_admin.configs import index, members, places
from cluster_admin.configs.places import Plan
from cluster_admin.configs.store import repository
from workers.failover.core.definitions import Definitions, Knobs
from workers.failover.core.definitions_text import render
from workers.logs.core.definitions import Logs
from workers.replication.core.definitions import Replication
from workers.repository.core.changes import Entry
from workers.repository.core.paths import DEFAULT


def copied(
    source: str, target: str, *, history: bool = False, knobs: bool = True, message: str = ""
) -> Plan:
    """Work it out; `history`: the files' histories go on in the source's. Raises `Refused`.

    `knobs`: those of the source, its logs, tables and limits; otherwise each is as usual, no log
    is shipped, nothing is limited.
    `message`: instead of the usual one.
    """
    base = index.follow()
    tree, read = repository().tree(base), repository().content
    there = members.definitions_in(tree, read, source)
    if there is None:
        way = "see them with: muster subcluster list"
        raise places.refused(f"there is no subcluster {source[:63]}; {way}")
    if sentence := places.name_refusal(target):
        raise places.refused(sentence)
    if members.path_of(target) in tree:
        way = f"to make it like {source}: muster subcluster promote {source} {target}"
        raise places.refused(f"there is a subcluster {target} already; {way}")
    wanted = places.mirrored(tree, tree, f"{source}/{DEFAULT}", f"{target}/{DEFAULT}")
    new = Definitions(
        cluster=settings.MUSTER_CLUSTER,
        subcluster=target,
        revision=1,
        knobs=there.knobs if knobs else Knobs(),
        logs=logs_of_all(there.logs) if knobs else Logs(),
        replication=there.replication if knobs else Replication(),
    )
    changes = places.entries(wanted, read)
    changes[members.path_of(target)] = Entry(render(new).encode())
    message = message or f"Copy subcluster {source} (r{base}) to {target}"
    if history:
        message = places.with_origin(message, places.Origin(source, base))
    return Plan(base, base, changes, message)


def logs_of_all(there: Logs) -> Logs:
    """Those that every node has, to the same subscribers."""
    return replace(there, sources=tuple(one for one in there.sources if not one.nodes))
