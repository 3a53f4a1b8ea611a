"""Promotion: one subcluster's files, and its settings if wanted, become another's, as one change.

What nodes of the target have of their own stays, and so do its nodes, networks and VIPs. A
promotion is worked out from revisions alone: the same revisions make the same change, so that what
was reviewed is what is committed.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeVar

from cluster_admin.configs import index, members, places, places_copying
from cluster_admin.configs.places import Plan
from cluster_admin.configs.store import repository
from workers.failover.core.definitions_text import DefinitionsError, render
from workers.logs.core.definitions import Logs, Source, Subscriber
from workers.repository.core.changes import Entry
from workers.repository.core.paths import DEFAULT, GLOBAL
from workers.repository.errors import NothingChangedError
from workers.repository.trees import Listing

Named = TypeVar("Named", Source, Subscriber)


def promotion(
    source: str,
    target: str,
    *,
    settings: bool = False,
    revision: int | None = None,
    base: int | None = None,
    message: str = "",
) -> Plan:
    """Work it out; revisions are the newest unless given.

    `settings`: knobs, logs, tables and limits too. Logs of single nodes of the target stay, and so
    do its subscribers: to leave one out would end it for good.

    `message`: instead of the usual one. Raises `Refused` for what are no two subclusters,
    `UnknownRevisionError`, and `NothingChangedError` when they are the same already.
    """
    newest = index.follow()
    base = newest if base is None else base
    revision = base if revision is None else revision
    origin, tree = repository().tree(revision), repository().tree(base)
    _refuse(source, origin, revision)
    _refuse(target, tree, base)
    if source == target:
        raise places.refused(f"{source} cannot be promoted to itself; name two subclusters")
    names = f"{source}/{DEFAULT}", f"{target}/{DEFAULT}"
    if not places.holds(origin, names[0]):
        raise places.refused(f"{names[0]} has no files in r{revision}; commit some there first")
    wanted = places.mirrored(origin, tree, *names)
    changes = places.entries(wanted, repository().content)
    if settings:
        changes |= _settings(source, origin, target, tree)
    if not changes:
        way = "there is nothing to promote"
        raise NothingChangedError(f"{target} is as {source} in r{revision} already; {way}")
    message = message or f"Promote {source} (r{revision}) to {target}"
    return Plan(base, revision, changes, message)


def _settings(source: str, origin: Listing, target: str, tree: Listing) -> Mapping[str, Entry]:
    """The target's definitions with the settings of the source's, if they differ."""
    read = repository().content
    there = members.definitions_in(origin, read, source)
    here = members.definitions_in(tree, read, target)
    if there is None or here is None:
        return {}
    logs = _logs(there.logs, here.logs)
    wanted = replace(here, knobs=there.knobs, logs=logs, replication=there.replication)
    if wanted == here:
        return {}
    try:
        text = render(replace(wanted, revision=here.revision + 1))
    except DefinitionsError as error:
        raise places.refused(f"{target} cannot have the settings of {source}: {error}") from error
    return {members.path_of(target): Entry(text.encode())}


def _logs(there: Logs, here: Logs) -> Logs:
    own = Logs(tuple(one for one in here.sources if one.nodes), here.subscribers)
    shared = places_copying.logs_of_all(there)
    return Logs(
        _by_name(*own.sources, *shared.sources), _by_name(*own.subscribers, *shared.subscribers)
    )


def _by_name(*named: Named) -> tuple[Named, ...]:
    """In order of names; of two with the same the later one."""
    found = {one.name: one for one in named}
    return tuple(found[name] for name in sorted(found))


def _refuse(name: str, tree: Listing, revision: int) -> None:
    if name == GLOBAL:
        way = "name a subcluster"
        raise places.refused(f"{GLOBAL} is no subcluster, all nodes have its files; {way}")
    if members.path_of(name) not in tree:
        way = "see them with: muster subcluster list"
        raise places.refused(f"there is no subcluster {name[:63]} in r{revision}; {way}")
