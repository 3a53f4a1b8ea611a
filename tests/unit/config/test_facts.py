"""What templates know of the cluster, in which order."""

import re
from dataclasses import replace

import msgspec
import pytest

from tests.architecture.tree import ROOT
from tests.unit.config.rendered import FACTS, refused, written
from workers.config.core.facts import (
    NAMES,
    Facts,
    Node,
    Transport,
    Vip,
    by_number,
    facts_of,
    ordered,
)
from workers.config.core.filters import _OWN as OWN_FILTERS
from workers.config.core.filters import FILTERS, TESTS
from workers.failover.core import definitions as defined
from workers.replication.core.definitions import Limit, Per, Replication, Subject


def test_facts_are_in_order_whatever_the_order_they_come_in() -> None:
    assert [node.name for node in FACTS.nodes] == ["mta1", "mta2"]
    assert [vip.address for vip in FACTS.vips] == ["198.18.0.9", "198.18.0.101", "2001:db8::9"]
    assert FACTS.node is FACTS.nodes[0]


def test_a_node_that_is_not_defined_has_no_facts() -> None:
    with pytest.raises(KeyError):
        ordered("demo", "site", 1, "mta9", FACTS.nodes, ())


def test_facts_are_those_of_the_definitions() -> None:
    found = facts_of(
        defined.Definitions(
            cluster="demo",
            subcluster="site",
            revision=3,
            topologies=(defined.Topology("198.18.0.0/24", "eth0"),),
            nodes={
                "mta2": defined.Node("mta2", "10.0.0.2", interfaces=(("198.18.0.0/24", "eth7"),)),
                "mta1": defined.Node("mta1", "10.0.0.1", segment="rack1", weight=2),
            },
            vips={"198.18.0.9": defined.Vip("198.18.0.9", prefer=("mta1",), binding="bulk")},
        ),
        7,
        "mta2",
    )

    assert found == Facts(
        cluster="demo",
        subcluster="site",
        revision=7,
        node=Node("mta2", "10.0.0.2", interfaces=(("198.18.0.0/24", "eth7"),)),
        nodes=(Node("mta1", "10.0.0.1", "rack1", 2), found.node),
        vips=(Vip("198.18.0.9", "eth7", prefer=("mta1",), binding="bulk"),),
        transports={"": Transport(20, 0, 0, 100), "bulk": Transport(20, 0, 0, 100)},
    )


def test_transports_are_a_nodes_share_of_the_limits() -> None:
    limits = (
        Limit("all", Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, 40),
        Limit("bulk", Subject.OUTBOUND_CONNECTIONS, Per.DOMAIN, 6, binding="bulk"),
    )
    nodes = {name: defined.Node(name, f"10.0.0.{name[-1]}") for name in ("mta1", "mta2", "mta3")}
    nodes["mta3"] = replace(nodes["mta3"], admin_state=defined.AdminState.MAINTENANCE)
    definitions = defined.Definitions(
        "demo", "site", 3, nodes=nodes, replication=Replication(limits=limits)
    )
    found = facts_of(definitions, 3, "mta1").transports
    template = "{{ transports[''].destination_concurrency_limit }} {{ transports.bulk | tojson }}"

    assert [one.destination_concurrency_limit for one in found.values()] == [20, 3]
    facts = msgspec.structs.replace(FACTS, transports=found)
    assert written(template, facts=facts).startswith('20 {"destination_concurrency_limit": 3')


def test_a_node_that_the_definitions_do_not_have_has_no_facts_either() -> None:
    definitions = defined.Definitions("demo", "site", 3)

    with pytest.raises(KeyError, match="mta9"):
        facts_of(definitions, 1, "mta9")


def test_addresses_sort_by_version_and_number() -> None:
    addresses = ["::1", "10.0.0.10", "10.0.0.9", "9.0.0.0"]

    assert sorted(addresses, key=by_number) == ["9.0.0.0", "10.0.0.9", "10.0.0.10", "::1"]


def test_templates_see_every_fact() -> None:
    template = (
        "{{ cluster }} {{ subcluster }} {{ revision }} "
        "{{ node.name }} {{ node.address }} {{ node.segment }} {{ node.weight }}\n"
        "{% for other in nodes if other.name != node.name %}{{ other.address }}\n{% endfor %}"
        "{% for vip in vips %}{{ vip.address }} {{ vip.interface }} {{ vip.prefer | join(',') }} "
        "{{ vip.binding }} {{ vip.description }} {{ vip.weight }} {{ vip.follow }}.\n{% endfor %}"
    )

    assert written(template).splitlines() == [
        "demo site 7 mta1 10.0.0.1 rack1 2",
        "10.0.0.2",
        "198.18.0.9 eth0   for replies 1 .",
        "198.18.0.101 eth0 mta1,mta2 bulk  1 .",
        "2001:db8::9 eth1    1 .",
    ]


def test_facts_pass_between_processes_unchanged() -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(FACTS), type=Facts) == FACTS


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ vips | ipv4 | map(attribute='address') | join(' ') }}", "198.18.0.9 198.18.0.101"),
        ("{{ vips | ipv6 | map(attribute='address') | map('brackets') | first }}", "[2001:db8::9]"),
        ("{{ ['::2', '10.0.0.1', '::1'] | sort_addresses | join(' ') }}", "10.0.0.1 ::1 ::2"),
        ("{{ '10.0.0.1' | brackets }}", "10.0.0.1"),
        ("{{ node.address is ipv4 }} {{ vips[0] is ipv6 }}", "True False"),
        (
            "{% for vip in vips if vip.binding == 'bulk' %}{{ vip.address }}{% endfor %}",
            "198.18.0.101",
        ),
        ("{{ ['b', 'a'] | sort | join(', ') }}", "a, b"),
        ("{{ {'a': 'é\"<', 'b': [1, true]} | tojson }}", '{"a": "é\\"<", "b": [1, true]}'),
        ("{{ vips[0].prefer | tojson }}", "[]"),
        ("{{ node | tojson | length > 20 }}", "True"),
    ],
)
def test_filters_for_mail_configurations(template: str, text: str) -> None:
    assert written(template) == text


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{{ '10.0.0.1' | ipv4 }}", "1: ipv4 works on a list, not on a str"),
        ("\n{{ ['x'] | ipv6 | join }}", "2: ipv6 got 'x', which is no IP address"),
        ("{{ [1] | ipv4 }}", "1: ipv4 works on addresses"),
        ("{{ 'mta1' is ipv4 }}", "1: ipv4 got 'mta1', which is no IP address"),
        ("{{ range | tojson }}", "1: tojson cannot write a function"),
        ("{{ 'a' | random }}", "1: No filter named 'random'"),
        ("{{ '<' | escape }}", "1: No filter named 'escape'"),
    ],
)
def test_filters_refuse_what_they_cannot_work_on(template: str, why: str) -> None:
    assert refused(template).startswith(why)


def test_the_reference_lists_every_name_attribute_and_filter() -> None:
    page = (ROOT / "docs" / "reference" / "templates.md").read_text()
    listed = set(re.findall(r"^\| `([^`]+)`", page, re.MULTILINE))

    assert set(NAMES) <= listed
    assert {f"node.{name}" for name in Node.__struct_fields__} <= listed
    assert {f"vip.{name}" for name in Vip.__struct_fields__} <= listed
    assert set(OWN_FILTERS) <= listed
    assert set(OWN_FILTERS) <= set(FILTERS)
    assert {"ipv4", "ipv6"} <= set(TESTS)
