"""A private RabbitMQ as an ordinary process: its files, environment and arguments.

Nothing of the machine's own RabbitMQ is read or touched: own home with cookie, ports, data and port
mapper. Accounts, their permissions and the rooms exist when the broker first answers. Who starts
and stops the two processes (port mapper first) is the caller's business, as is the namespace.
"""

import dataclasses
import json
import secrets
import shutil
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.bus.accounts import HASHING, password_hash
from workers.bus.permissions import Permissions, room_permissions
from workers.lab.errors import LabError

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
APPLICATIONS = Path("/usr/lib/rabbitmq/lib")
AMQP_PORT, DISTRIBUTION_PORT, EPMD_PORT, MANAGEMENT_PORT = 5672, 25672, 4369, 15672
NET_TICK_SECONDS = 8
AMQP_HEARTBEAT_SECONDS = 2
DISK_FREE_BYTES = 1_000_000
"""Below this the broker blocks publishers; its default of 50 MB is too much for a full laptop."""
MANAGEMENT = (
    *("rabbitmq_management", "rabbitmq_management_agent", "rabbitmq_web_dispatch"),
    *("amqp_client", "cowboy", "cowlib"),
)
"""The plugin and what it needs; only brokers with a management port pay for loading them."""
GREETING = b"AMQP\x00\x00\x09\x01"
ASK_SECONDS = 1.0
_ERLANG_ARGUMENTS = (
    "+sbwt none +sbwtdcpu none +sbwtdio none +S 1:1 "
    "-kernel inet_dist_use_interface {{{address}}} -kernel net_ticktime {tick}"
)
"""One scheduler and no busy waiting: the lab shares few cores with everybody else."""


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the broker; the `rooms` (exchanges) are there from the broker's first moment."""

    name: str
    password: str
    rooms: tuple[str, ...]
    permissions: Permissions | None = None
    """None: hear and speak in the rooms, and nothing else."""
    administrator: bool = False
    """Whether it may make accounts and rooms by the management port."""


@dataclass(frozen=True, slots=True)
class Broker:
    """One RabbitMQ node. `address` is an IPv4 address; `peers` are the addresses of all members.

    All members of a cluster have the same cookie, accounts and port of the port mapper (epmd).
    """

    directory: Path
    address: str
    cookie: str
    accounts: tuple[Account, ...]
    peers: tuple[str, ...] = ()
    port: int = AMQP_PORT
    distribution_port: int = DISTRIBUTION_PORT
    epmd_port: int = EPMD_PORT
    management_port: int = 0
    """Where accounts are made over HTTP; 0: nowhere."""

    def url(self, account: Account) -> str:
        """What a client of this broker is told."""
        return f"amqp://{account.name}:{account.password}@{self.address}:{self.port}/"

    def management_url(self, account: Account) -> str:
        """What an administrator of this broker is told; empty without a management port."""
        if not self.management_port:
            return ""
        return f"http://{account.name}:{account.password}@{self.address}:{self.management_port}"


def make_cookie() -> str:
    """A secret that members of one cluster share."""
    return secrets.token_hex(20)


def lay_down(broker: Broker) -> None:
    """Write the files of a broker into its directory, which is made; data of an old one stays."""
    home = broker.directory
    for name in ("", "home", "data", "log", "generated", "plugins"):
        (home / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    cookie = home / "home" / ".erlang.cookie"
    cookie.unlink(missing_ok=True)
    cookie.touch(mode=0o400)
    cookie.write_text(broker.cookie)
    (home / "environment").write_text("")
    enabled = MANAGEMENT[0] if broker.management_port else ""
    (home / "enabled_plugins").write_text(f"[{enabled}].\n")
    (home / "advanced.config").write_text(_configuration(broker))
    definitions = home / "definitions.json"
    definitions.touch(mode=0o600)
    definitions.write_text(json.dumps(_definitions(broker.accounts), indent=1))
    _link_applications(home / "plugins", MANAGEMENT if broker.management_port else ())


def arguments() -> tuple[str, ...]:
    """How the broker is started, in the foreground."""
    return (str(SERVER),)


def port_mapper_arguments(broker: Broker) -> tuple[str, ...]:
    """How its port mapper is started, in the foreground; otherwise the broker leaves one behind."""
    mapper = shutil.which("epmd") or "/usr/bin/epmd"
    return (mapper, "-port", str(broker.epmd_port), "-address", broker.address)


def environment(broker: Broker) -> dict[str, str]:
    """The whole environment of both processes."""
    home = broker.directory
    erlang = _ERLANG_ARGUMENTS.format(
        address=broker.address.replace(".", ","), tick=NET_TICK_SECONDS
    )
    return {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(home / "home"),
        "ERL_EPMD_PORT": str(broker.epmd_port),
        "ERL_EPMD_ADDRESS": broker.address,
        "RUNNING_UNDER_SYSTEMD": "true",  # no shell stays between the caller and the broker
        "RABBITMQ_NODENAME": _node_name(broker.address, broker.distribution_port),
        "RABBITMQ_USE_LONGNAME": "true",
        "RABBITMQ_NODE_IP_ADDRESS": broker.address,
        "RABBITMQ_NODE_PORT": str(broker.port),
        "RABBITMQ_DIST_PORT": str(broker.distribution_port),
        "RABBITMQ_CONF_ENV_FILE": str(home / "environment"),
        # No such file: parsing even an empty one costs a second of every start.
        "RABBITMQ_CONFIG_FILE": str(home / "none.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "generated"),
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_LOG_BASE": str(home / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_PLUGINS_DIR": str(home / "plugins"),
        "RABBITMQ_PID_FILE": str(home / "pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": erlang,
    }


def wait_ready(address: str, port: int, deadline: float) -> None:
    """Return when a broker speaks AMQP there; `LabError` past `deadline` (monotonic seconds)."""
    while not speaks(address, port):
        if time.monotonic() > deadline:
            raise LabError(f"no broker speaks AMQP at {address}:{port}; its log says why")
        time.sleep(0.05)


def speaks(address: str, port: int) -> bool:
    """Whether a broker greets us: the first frame is a method on channel 0."""
    try:
        with socket.create_connection((address, port), ASK_SECONDS) as connection:
            connection.sendall(GREETING)
            return connection.recv(3) == b"\x01\x00\x00"
    except OSError:
        return False


def _node_name(address: str, distribution_port: int) -> str:
    """Members differ by address in namespaces, by port when several share loopback."""
    suffix = "" if distribution_port == DISTRIBUTION_PORT else f"-{distribution_port}"
    return f"muster{suffix}@{address}"


def _configuration(broker: Broker) -> str:
    """Erlang terms; names and addresses in them are ours, quoting needs no care."""
    settings = [
        f'{{load_definitions, "{broker.directory}/definitions.json"}}',
        f"{{disk_free_limit, {DISK_FREE_BYTES}}}",
        f"{{heartbeat, {AMQP_HEARTBEAT_SECONDS}}}",
        "{log, [{console, [{enabled, true}, {level, warning}]}, {file, [{file, false}]}]}",
    ]
    if len(broker.peers) > 1:
        members = ", ".join(
            f"'{_node_name(peer, broker.distribution_port)}'" for peer in broker.peers
        )
        settings += [
            "{cluster_formation, [{peer_discovery_backend, rabbit_peer_discovery_classic_config}]}",
            f"{{cluster_nodes, {{[{members}], disc}}}}",
            "{cluster_partition_handling, pause_minority}",
        ]
    return f"[{{rabbit, [{', '.join(settings)}]}}{_management(broker)}].\n"


def _management(broker: Broker) -> str:
    """Accounts only: statistics, which nobody asks for, would cost a broker of a lab too much."""
    if not broker.management_port:
        return ""
    place = f'{{tcp_config, [{{ip, "{broker.address}"}}, {{port, {broker.management_port}}}]}}'
    return (
        f", {{rabbitmq_management, [{place}, {{disable_management_stats, true}}]}}"
        ", {rabbitmq_management_agent, [{rates_mode, none}, {disable_metrics_collector, true}]}"
    )


def _definitions(accounts: Iterable[Account]) -> dict[str, Any]:
    """What the broker has from its first moment: one virtual host, accounts, rooms."""
    accounts = tuple(accounts)
    rooms = dict.fromkeys(room for account in accounts for room in account.rooms)
    exchange = {"vhost": "/", "type": "fanout", "durable": True, "auto_delete": False}
    return {
        "vhosts": [{"name": "/"}],
        "users": [_user(account) for account in accounts],
        "permissions": [_permission(account) for account in accounts],
        "exchanges": [
            {"name": room, **exchange, "internal": False, "arguments": {}} for room in rooms
        ],
    }


def _user(account: Account) -> dict[str, Any]:
    return {
        "name": account.name,
        "password_hash": password_hash(account.password, secrets.token_bytes(4)),
        "hashing_algorithm": HASHING,
        "tags": ["administrator"] if account.administrator else [],
    }


def _permission(account: Account) -> dict[str, str]:
    allowed = account.permissions or room_permissions(account.rooms)
    return {"user": account.name, "vhost": "/", **dataclasses.asdict(allowed)}


def _link_applications(plugins: Path, wanted: Iterable[str]) -> None:
    """Let the broker see itself and what is wanted: a look at 40 plugins costs each start 1 s."""
    for link in plugins.iterdir():
        link.unlink()
    for name in ("rabbit", *wanted):
        for found in APPLICATIONS.glob(f"rabbitmq_server-*/plugins/{name}-[0-9]*"):
            (plugins / found.name).symlink_to(found)
