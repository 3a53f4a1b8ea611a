"""The lab's brokers: which accounts they have, what runs on their hosts, how others reach them.

One account per node, named as the node, and one for the managers, each with a password of its own.
A broker's port mapper comes before it; were it missing, the broker would start one itself that
nobody watches.
"""

from collections.abc import Mapping

from workers.bus.exchanges import MANAGER_ACCOUNT
from workers.bus.permissions import Permissions, manager_permissions, node_permissions, rooms_of
from workers.lab import rabbitmq
from workers.lab.core.hosts import Role
from workers.lab.state import Record, directory
from workers.lab.supervision import Program

BROKER, PORT_MAPPER = "broker", "epmd"
ADMINISTRATOR = "administrator"
"""Makes accounts for nodes that join; only a manager has it."""
SUBCLUSTER = "default"


def account_names(record: Record) -> tuple[str, ...]:
    """Who has an account at the brokers."""
    managers = (MANAGER_ACCOUNT, ADMINISTRATOR) if record.names(Role.MANAGER) else ()
    return (*record.names(Role.NODE), *managers)


def brokers_of(record: Record, passwords: Mapping[str, str]) -> dict[str, rabbitmq.Broker]:
    """Each broker by its host; `passwords` has one per account."""
    accounts = tuple(_account(record, name, word) for name, word in passwords.items())
    hosts = [host for host in record.hosts if host.role is Role.BROKER]
    cookie = rabbitmq.make_cookie()
    return {
        host.name: rabbitmq.Broker(
            directory=directory(record.name) / host.name / "rabbitmq",
            address=host.address,
            cookie=cookie,
            accounts=accounts,
            peers=tuple(peer.address for peer in hosts),
            management_port=rabbitmq.MANAGEMENT_PORT if ADMINISTRATOR in passwords else 0,
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


def addresses(brokers: Mapping[str, rabbitmq.Broker], name: str) -> list[str]:
    """What the holder of an account is told: each broker, others first than its peers are told."""
    urls = [
        broker.url(account)
        for broker in brokers.values()
        for account in broker.accounts
        if account.name == name
    ]
    turn = sum(name.encode()) % len(urls) if urls else 0
    return urls[turn:] + urls[:turn]


def management_addresses(brokers: Mapping[str, rabbitmq.Broker]) -> list[str]:
    """Where the manager makes accounts, with the administrator's."""
    return [
        broker.management_url(account)
        for broker in brokers.values()
        for account in broker.accounts
        if account.administrator
    ]


def _account(record: Record, name: str, password: str) -> rabbitmq.Account:
    if name == ADMINISTRATOR:
        whole = Permissions(".*", ".*", ".*")
        return rabbitmq.Account(name, password, (), whole, administrator=True)
    rights = (
        manager_permissions(record.name)
        if name == MANAGER_ACCOUNT
        else node_permissions(record.name, SUBCLUSTER, name)
    )
    return rabbitmq.Account(name, password, rooms_of(record.name, SUBCLUSTER), rights)
