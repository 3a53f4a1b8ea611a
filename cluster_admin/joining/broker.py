"""Nodes' accounts at the broker, as the settings say where it is: what nodes are told of it too.

An account is only touched if it is of a node of this cluster, or there is none of its name: another
cluster's, an operator's and the managers' own are refused.
"""

from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings

from workers.bus.accounts import ForeignAccountError, Management, Standing
from workers.bus.connection import broker_parameters
from workers.bus.errors import BusError
from workers.bus.exchanges import MANAGER_ACCOUNT, node_logs_queue, node_metrics_queue, node_queue
from workers.bus.permissions import is_of_cluster, node_permissions, rooms_of


def management() -> Management:
    """The broker's management API; use it in a `with`."""
    return Management(settings.MUSTER_BROKER_MANAGEMENT, virtual_host())


def addresses() -> tuple[str, ...]:
    """The brokers that nodes are told, without accounts."""
    return tuple(settings.MUSTER_NODE_BROKERS) or tuple(map(bare, settings.MUSTER_BROKERS))


def bare(address: str) -> str:
    """An address without its account."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def with_account(address: str, name: str, password: str) -> str:
    """An address with an account."""
    parts = urlsplit(bare(address))
    account = f"{quote(name, safe='')}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{account}@{parts.netloc}").geturl()


def told(name: str, password: str) -> list[str]:
    """What a node is told: each broker, not all nodes the same one first."""
    urls = [with_account(each, name, password) for each in addresses()]
    turn = sum(name.encode()) % len(urls)
    return urls[turn:] + urls[:turn]


def join_command(secret: str) -> str:
    """What to run on the host that becomes a node."""
    return f"muster node join {settings.MUSTER_PUBLIC_URL} --token {secret}"


def virtual_host() -> str:
    """The virtual host that the nodes' brokers name."""
    return next((unquote(urlsplit(each).path[1:]) for each in addresses()), "") or "/"


def lack() -> str:
    """What the settings lack to give a node an account, with the way out; empty: nothing."""
    needed = {
        "MUSTER_BROKER_MANAGEMENT_URL": settings.MUSTER_BROKER_MANAGEMENT,
        "MUSTER_BROKER_URL": addresses(),
        "MUSTER_KEY_FILE": settings.MUSTER_KEY_FILE,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        return f"this manager can let no host join: set {', '.join(missing)} in its environment"
    try:
        for each in addresses():
            broker_parameters(with_account(each, "node", "word"))
    except BusError as error:
        return f"this manager can let no host join: MUSTER_NODE_BROKERS: {error}"
    return ""


def warning() -> str:
    """What a token's owner should know of the addresses it leads to; empty: nothing."""
    told = {
        "MUSTER_PUBLIC_URL": (settings.MUSTER_PUBLIC_URL,),
        "MUSTER_NODE_BROKERS": addresses(),
    }
    wrong = [name for name, urls in told.items() if any(map(_is_loopback, urls))]
    if not wrong:
        return ""
    return f"other hosts would look for it on themselves: set {' and '.join(wrong)}"


def reserved(name: str) -> str:
    """Why no node that can join is called so; empty when it may be."""
    urls: Iterable[str] = (*settings.MUSTER_BROKER_MANAGEMENT, *settings.MUSTER_BROKERS)
    taken = {unquote(urlsplit(url).username or "") for url in urls} | {MANAGER_ACCOUNT, "guest"}
    if name not in taken:
        return ""
    return f"the broker account {name} is not a node's; add the node under another name"


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def make_account(broker: Management, cluster: str, subcluster: str, node: str, word: str) -> None:
    """Declare the subcluster's rooms, and give the node its account with this password.

    Whoever is connected with the account as it was is thrown out.
    """
    if problem := reserved(node):
        raise ForeignAccountError(problem)
    standing = broker.standing(node)
    if standing and not _may_be_ours(standing, cluster, node):
        raise ForeignAccountError(
            f"the broker has an account {node} with other rights than a node of {cluster}; "
            "delete it there, or add the node under another name"
        )
    broker.put_rooms(rooms_of(cluster, subcluster))
    if standing:
        broker.delete_account(node)  # a new password alone would leave old connections open
    broker.put_account(node, word, node_permissions(cluster, subcluster, node))


def _may_be_ours(standing: Standing, cluster: str, node: str) -> bool:
    """Whether an account is this node's; without any rights it is one that a death left so."""
    rights = standing.permissions
    return not standing.elsewhere and (rights is None or is_of_cluster(rights, cluster, node))


def delete_account(broker: Management, cluster: str, node: str) -> bool:
    """Delete a node's account and its queues of tasks; False when the account is not a node's."""
    standing = broker.standing(node)
    if standing is not None:
        if standing.tags or not _may_be_ours(standing, cluster, node) or reserved(node):
            return False
        broker.delete_account(node)
    for queue in (node_queue(node), node_logs_queue(node), node_metrics_queue(node)):
        broker.delete_queue(queue)
    return True
