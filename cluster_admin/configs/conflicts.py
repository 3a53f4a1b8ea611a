"""Histories that stand against the manager's: which there are, and what must wait for their end.

What a node tells is compared with git, not with rows: git has every revision before any node gets
it. How a conflict ends is `conflict_ending`'s. Runs in the caller's transaction.
"""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime

from cluster_admin.configs import conflict_events, conflict_rules, store
from cluster_admin.configs.conflict_models import Conflict
from cluster_admin.configs.conflict_rules import Known, Side, State
from cluster_admin.configs.models import Replica
from workers.repository.errors import RepositoryError

SHOWN = 5
"""Nodes in a sentence."""
log = logging.getLogger("muster.configs")


class HistoriesDifferError(RepositoryError):
    """Nothing may be committed while a history stands against the manager's."""


def refuse_commits() -> None:
    """Raise `HistoriesDifferError` during a conflict of histories."""
    nodes = list(Conflict.objects.filter(state=State.OPEN).values_list("node", flat=True))
    if nodes:
        shown = ", ".join(nodes[:SHOWN]) + (" and others" if len(nodes) > SHOWN else "")
        way = "see muster config conflict, then master, override or resolve it"
        raise HistoriesDifferError(
            f"nothing is committed now: {shown} told of revisions that this manager lacks; {way}"
        )


def is_open() -> bool:
    """Whether commits are refused now."""
    return Conflict.objects.filter(state=State.OPEN).exists()


def side_of(commit: str, known: Known | None) -> Side:
    """Whose history a commit is of ("": an empty replica's); raises `RepositoryError`."""
    return _side(commit, known, ours([commit]))


def sides(rows: Collection[Replica]) -> dict[str, Side]:
    """The same of every node of these rows, by name."""
    known = {row.node: known_of(row) for row in Conflict.objects.all()}
    main = ours(row.commit for row in rows)
    return {row.node: _side(row.commit, known.get(row.node), main) for row in rows}


def ours(commits: Iterable[str]) -> set[str]:
    """Those of these commits that are of the manager's history, or none at all ("").

    Most nodes have the same: each is looked up once. Raises `RepositoryError`.
    """
    repository = store.repository()
    return {commit for commit in set(commits) if not commit or not repository.lacks(commit)}


def _side(commit: str, known: Known | None, main: Collection[str]) -> Side:
    is_ours = commit in main
    aside = not is_ours and store.repository().beside.is_given_up(commit)
    return conflict_rules.side(commit, ours=is_ours, aside=aside, known=known)


def known_of(row: Conflict) -> Known:
    """What a row says, as decisions are made from it."""
    return Known(row.commit, State(row.state))


def note(node: str, subcluster: str, number: int, commit: str, at: datetime) -> None:
    """Note the newest commit that a node told of; a new conflict is an event."""
    row = Conflict.objects.filter(node=node).first()
    known = None if row is None else known_of(row)
    try:
        after = conflict_rules.after(known, commit, side_of(commit, known))
    except RepositoryError as error:
        log.error("whose history %s is on cannot be told: %s", node, error)
        return
    if after == known:
        return
    if after is None:
        Conflict.objects.filter(node=node).delete()
        return
    values = {"number": number, "commit": after.commit, "state": after.state.value}
    if known is None or known.commit != after.commit:
        values |= {"subcluster": subcluster, "seen_at": at, "trouble": ""}
        if after.state is State.OPEN:
            log.error("%s has r%s (%s), which is no revision here", node, number, commit)
            conflict_events.tell(subcluster, node, number, at)
    Conflict.objects.update_or_create(node=node, defaults=values)
