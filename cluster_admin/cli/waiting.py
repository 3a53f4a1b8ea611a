"""Waiting until the nodes have done what was asked: for a revision, an owner, an empty node.

A wait ends with nothing missing, or with exit code 6 and what is still missing; that is no
failure, since it may still happen. Nothing is waited for that nobody alive could do, unless the
operator says --wait.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cluster_admin.cli.errors import Complaint, Unknown
from cluster_admin.cli.resources import path
from cluster_admin.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from cluster_admin.cli.client import Client

LOOK_SECONDS = 0.25
NAMED = 5
Missing = Callable[["Client"], list[str]]
"""What is still missing, a few words each; nothing when it is done."""


def wait(client: "Client", around: Surroundings, missing: Missing, timeout_seconds: float) -> None:
    """Look until nothing is missing; raises `Unknown` after `timeout_seconds`."""
    end = around.clock() + timeout_seconds
    if not around.reports:
        _look(client, around, missing, end, lambda _: None)
        return
    from rich.console import Console  # only on a terminal: starting is to be fast

    console = Console(stderr=True, force_terminal=True, no_color=not around.note_colours)
    with console.status("waiting") as status:
        _look(client, around, missing, end, status.update)


def _look(
    client: "Client",
    around: Surroundings,
    missing: Missing,
    end: float,
    progress: Callable[[str], None],
) -> None:
    while True:
        try:
            left = missing(client)
        except Complaint as error:
            if not error.passing:
                raise
            left = [str(error)]
        if not left:
            return
        if around.clock() >= end:
            raise Unknown(f"no longer waiting, it may still happen: {few(left)}")
        progress(few(left))
        around.sleep(LOOK_SECONDS)


def few(words: Sequence[str]) -> str:
    """The first few, and how many more."""
    more = f" and {len(words) - NAMED} more" if len(words) > NAMED else ""
    return ", ".join(words[:NAMED]) + more


def anybody_lives(client: "Client", subcluster: str) -> bool:
    """Whether a node of the subcluster is heard."""
    query = {"subcluster": subcluster, "verdict": "alive"}
    return bool(client.rows("nodes/", query, 1)[0])


def revision(subcluster: str, number: int) -> Missing:
    """Every living node acts on the revision, or on a later one."""

    def missing(client: "Client") -> list[str]:
        rows, _ = client.rows("nodes/", {"subcluster": subcluster, "verdict": "alive"}, 0)
        acting = [(row["name"], (row.get("status") or {}).get("revision") or 0) for row in rows]
        return [f"{name} acts on r{has}, not r{number}" for name, has in acting if has < number]

    return missing


def owner(*addresses: str) -> Missing:
    """Somebody owns each of the VIPs."""
    open_yet = list(addresses)

    def missing(client: "Client") -> list[str]:
        found = {each: client.get(path("vips", each)).body["status"] or {} for each in open_yet}
        open_yet[:] = [each for each, status in found.items() if not status.get("owner")]
        return [f"nobody owns {each}" for each in open_yet]

    return missing


def empty(*nodes: str) -> Missing:
    """None of the nodes holds a VIP."""

    def missing(client: "Client") -> list[str]:
        held = [(row["address"], name) for name in nodes for row in _held(client, name)]
        return [f"{name} holds {address}" for address, name in held]

    return missing


def both(first: Missing, second: Missing) -> Missing:
    """First the one, then the other."""
    return lambda client: first(client) or second(client)


def _held(client: "Client", node: str) -> list[dict[str, str]]:
    return client.rows("vips/", {"owner": node}, 0)[0]
