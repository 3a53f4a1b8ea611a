"""The lab's brokers: which accounts they have, what runs on their hosts, how nodes reach them.

One account per node, named as the node, with a password of its own. A broker's port mapper comes
before it; were it missing, the broker would start one itself that nobody watches.
"""

from collections.abc import Mapping

from workers.bus.exchanges import heartbeat_exchange
from workers.lab import rabbitmq
from workers.lab.core.hosts import Role
from workers.lab.state import Record, directory
from workers.lab.supervision import Program

BROKER, PORT_MAPPER = "broker", "epmd"
SUBCLUSTER = "default"


def brokers_of(record: Record, passwords: Mapping[str, str]) -> dict[str, rabbitmq.Broker]:
    """Each broker by its host; `passwords` are the nodes'."""
    room = heartbeat_exchange(record.name, SUBCLUSTER)
    accounts = tuple(rabbitmq.Account(node, word, (room,)) for node, word in passwords.items())
    hosts = [host for host in record.hosts if host.role is Role.BROKER]
    cookie = rabbitmq.make_cookie()
    return {
        host.name: rabbitmq.Broker(
            directory=directory(record.name) / host.name / "rabbitmq",
            address=host.address,
            cookie=cookie,
            accounts=accounts,
            peers=tuple(peer.address for peer in hosts),
        )
        for host in hosts
    }


def lay_down(broker: rabbitmq.Broker) -> list[Program]:
    """Write a broker's files and answer what runs on its host."""
    rabbitmq.lay_down(broker)
    environment = rabbitmq.environment(broker)
    return [
        Program(PORT_MAPPER, rabbitmq.port_mapper_arguments(broker), environment),
        Program(BROKER, rabbitmq.arguments(), environment),
    ]


def addresses(brokers: Mapping[str, rabbitmq.Broker], node: str) -> list[str]:
    """What a node is told: each broker, beginning with another one on each node."""
    urls = [
        broker.url(account)
        for broker in brokers.values()
        for account in broker.accounts
        if account.name == node
    ]
    turn = sum(node.encode()) % len(urls) if urls else 0
    return urls[turn:] + urls[:turn]
