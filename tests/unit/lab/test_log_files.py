"""Which collectors a lab has, where they run, and what nodes are told of them."""

import dataclasses

from workers.lab.core.hosts import hosts_of, vips_of
from workers.lab.host_files import configuration_of, definitions_of
from workers.lab.log_files import (
    collector_on,
    destination_of,
    logs_of,
    maillog_of,
    manager_environment,
)
from workers.lab.log_health import missing_in
from workers.lab.state import Record
from workers.logs.core.definitions import logs_refusal
from workers.logs.core.destination import parsed

SUBNET = "198.18.9.0/24"


def record(collectors: int = 2) -> Record:
    return Record(
        name="logs",
        subnet=SUBNET,
        hosts=hosts_of(SUBNET, nodes=2, brokers=1, managers=1, collectors=collectors),
        vips=vips_of(SUBNET, 2),
        heartbeat_interval=0.2,
        mail=True,
        created_at=0.0,
        collectors=collectors,
    )


def test_the_first_collector_shares_the_managers_host() -> None:
    """Given two collectors, then the second has a host, and nothing else runs any."""
    found = {host.name: collector_on(record(), host) for host in record().hosts}
    assert {host: name for host, name in found.items() if name} == {
        "manager1": "collector1",
        "collector2": "collector2",
    }


def test_nodes_ship_their_own_mail_log_by_one_path_to_every_collector() -> None:
    """Given two collectors, then definitions name both, and a log that ends as each node's does."""
    logs = definitions_of(record()).logs
    assert [one.name for one in logs.subscribers] == ["collector1", "collector2"]
    (source,) = logs.sources
    assert logs_refusal(logs, ["mta1", "mta2"]) is None
    for node in ("mta1", "mta2"):
        assert str(maillog_of(record(), node)).endswith(source.path.rpartition("this-host")[2])
        assert logs.of_node(node) == (source,)


def test_without_collectors_nothing_is_shipped_and_postfix_writes_to_its_supervisor() -> None:
    """Given no collector, then definitions and configuration are as they were before logs."""
    alone = record(0)
    assert logs_of(alone) == logs_of(dataclasses.replace(alone, mail=False))
    assert not logs_of(alone).sources
    assert manager_environment(alone) == {}
    assert b"maillog_file = /dev/stdout\n" in configuration_of(alone)["global/postfix/main.cf.j2"]
    assert b"/logs/{{ node.name }}/maillog/mail.log" in b"".join(
        configuration_of(record()).values()
    )


def test_the_manager_reads_where_the_collector_on_its_host_writes() -> None:
    """Given two collectors, then their files differ, by the hour, and the manager has the first."""
    first, second = (destination_of(record(), name) for name in ("collector1", "collector2"))
    assert manager_environment(record())["MUSTER_LOGS_DESTINATION"] == first != second
    assert parsed(first).dated
    assert "/manager1/" in first
    assert "/collector2/" in second


def test_a_node_is_missing_until_a_collector_keeps_what_it_ships() -> None:
    """Given what shippers say, then each collector's silent nodes are named."""
    well = {"name": "collector1", "connected": True, "sources": [{"kept": 7}]}
    begun = {"name": "collector2", "connected": True, "sources": [{"kept": 0}]}
    lost = {**well, "connected": False}
    shippers = {"mta1": {"collector1": well, "collector2": begun}, "mta2": {"collector1": lost}}
    assert missing_in(record(), shippers) == [
        "collector1 has no logs yet of mta2",
        "collector2 has no logs yet of mta1, mta2",
    ]
    assert missing_in(record(0), {}) == []
