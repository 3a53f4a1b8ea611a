"""What a manager's environment should say, from what is asked for and what it says already.

Invariant: a secret that is there stays, so that a start that was cut short goes on with the same
password that the broker may know already; whatever is not asked for stays too. Secrets are handed
in; nothing here touches a disk or a network.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from cluster_admin.cli.errors import Refused, Usage
from cluster_admin.cli.manager_host import DATA_VARIABLE, KEY_VARIABLE
from cluster_admin.cli.profiles import LOOPBACK, checked_url
from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.failover.core.definitions_rules import check_label
from workers.failover.core.toml_text import Problem

BROKER, MANAGEMENT = "MUSTER_BROKER_URL", "MUSTER_BROKER_MANAGEMENT_URL"
CLUSTER, HOSTS, URL = "MUSTER_CLUSTER", "MUSTER_ALLOWED_HOSTS", "MUSTER_PUBLIC_URL"
SECRET, PLAIN = "MUSTER_SECRET_KEY", "MUSTER_PLAIN_HTTP"


@dataclass(frozen=True, slots=True)
class Wish:
    """What an operator asks for; what is empty stays as it is, or is the usual."""

    cluster: str = ""
    brokers: tuple[str, ...] = ()
    """amqp://[USER:PASSWORD@]HOST[:PORT][/VHOST], tried in turn."""
    management: tuple[str, ...] = ()
    """http(s)://USER:PASSWORD@HOST:15672 of an administrator of the broker."""
    url: str = ""
    """Where people, programs and nodes find the manager."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """Fresh ones, used where there are none yet."""

    signing: str
    broker: str


def planned(
    wish: Wish, known: Mapping[str, str], fresh: Secrets, key: Path, data: Path
) -> dict[str, str]:
    """Every variable that is to have a value; raises `Usage` and `Refused`."""
    found = {
        "DJANGO_SETTINGS_MODULE": "cluster_admin.settings.production",
        CLUSTER: _cluster(wish, known),
        SECRET: known.get(SECRET) or fresh.signing,
        KEY_VARIABLE: known.get(KEY_VARIABLE) or str(key),
        DATA_VARIABLE: known.get(DATA_VARIABLE) or str(data),
    }
    management = ",".join(map(_checked_management, wish.management)) or known.get(MANAGEMENT, "")
    if management:
        found[MANAGEMENT] = management
    found[BROKER] = _brokers(wish, known, fresh.broker, managed=bool(management))
    return found | _web(wish, known)


def virtual_host(brokers: str) -> str:
    """The virtual host of the first of some broker addresses."""
    path = urlsplit(brokers.split(",")[0]).path.removeprefix("/")
    return unquote(path) or "/"


def account(brokers: str) -> tuple[str, str]:
    """User and password of the first of some broker addresses."""
    parts = urlsplit(brokers.split(",")[0])
    return unquote(parts.username or ""), unquote(parts.password or "")


def _cluster(wish: Wish, known: Mapping[str, str]) -> str:
    name, before = wish.cluster, known.get(CLUSTER, "")
    if not (name or before):
        raise Usage("how is the cluster called? Say --cluster NAME")
    if name and before and name != before:
        raise Refused(
            f"this host is the manager of cluster {before}, and one manager has one cluster: "
            f"leave --cluster out, or make another host the manager of {name}"
        )
    try:
        check_label(name or before, (), "cluster")
    except Problem as problem:
        raise Usage(problem.sentence) from problem
    return name or before


def _brokers(wish: Wish, known: Mapping[str, str], fresh: str, *, managed: bool) -> str:
    before = known.get(BROKER, "")
    if not wish.brokers:
        if not before:
            raise Usage("which broker? Say --broker amqp://HOST/ (several: with commas)")
        return before
    user, password = account(before) if before else ("", "")
    if user != MANAGER_ACCOUNT:
        password = fresh
    return ",".join(_broker(each, password, managed=managed) for each in wish.brokers)


def _broker(address: str, password: str, *, managed: bool) -> str:
    """One address with the manager's account in it."""
    parts = _parts(address)
    if parts is None or parts.scheme != "amqp":
        raise Usage(f"--broker {_shown(address)}: write amqp://HOST[:PORT][/VHOST]")
    if parts.username and parts.password:
        return address
    if not managed:
        raise Usage(
            f"--broker {_shown(address)} names no account and --broker-management no address to "
            "make one at: say --broker-management http://USER:PASSWORD@HOST:15672, or make the "
            "account (docs/reference/node.md) and say --broker amqp://manager:PASSWORD@HOST/"
        )
    place = parts.netloc.rpartition("@")[2]
    return f"amqp://{MANAGER_ACCOUNT}:{quote(password, safe='')}@{place}{parts.path or '/'}"


def _checked_management(address: str) -> str:
    parts = _parts(address)
    if parts is None or parts.scheme not in ("http", "https") or not parts.username:
        raise Usage(
            f"--broker-management {_shown(address)}: write http://USER:PASSWORD@HOST:15672, an "
            "administrator's account of the broker"
        )
    return address


def _web(wish: Wish, known: Mapping[str, str]) -> dict[str, str]:
    """Names by which the manager is asked; nothing to say when they are known and stay."""
    if not wish.url:
        if known.get(HOSTS):
            return {}
        raise Usage("where will people and nodes find the manager? Say --url https://HOST")
    url = checked_url(wish.url)
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "http" and host not in LOOPBACK:
        raise Usage(
            f"--url {url}: the manager hands out keys and passwords, so others reach it over TLS "
            "alone: say --url https://HOST"
        )
    hosts = dict.fromkeys((host, *LOOPBACK[:2]))
    plain = {PLAIN: "1" if parts.scheme == "http" else "0"}
    return {HOSTS: ",".join(hosts), URL: url, **plain}


def _parts(address: str) -> SplitResult | None:
    """The parts of an address that has a host; None for others."""
    try:
        parts = urlsplit(address)
        good = parts.hostname and parts.port != 0 and address.isprintable()
        return parts if good else None
    except ValueError:
        return None


def _shown(address: str) -> str:
    """The address without what stands before the host: it may be a password."""
    return address.rpartition("@")[2]
