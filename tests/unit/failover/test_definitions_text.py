"""Definitions as text: what is read, what is refused and how it is said, what is written."""

import re
from dataclasses import replace

import pytest

from tests.unit.failover.definitions_samples import EVERYTHING, PLAIN
from workers.failover.core.definitions import (
    AdminState,
    Definitions,
    Knobs,
    Node,
    PartitionPolicy,
    Topology,
    Vip,
)
from workers.failover.core.definitions_rules import CHECK_COUNT
from workers.failover.core.definitions_text import (
    FIRST_LINE,
    LIMIT_BYTES,
    DefinitionsError,
    parse,
    render,
)
from workers.failover.core.toml_text import line_of
from workers.logs.core.definitions import Logs, Source, Subscriber

TOP = 'format = 1\ncluster = "demo"\nsubcluster = "default"\nrevision = 1\n'
NET = '[topology."198.18.0.0/24"]\ninterface = "eth0"\n'
NODE = '[node.mta1]\naddress = "198.18.0.11"\n'
VIP = '[vip."198.18.0.101"]\n'
WHOLE = TOP + NET + NODE + VIP


def refusal(text: str) -> str:
    with pytest.raises(DefinitionsError) as told:
        parse(text, "d.toml")
    return str(told.value)


# Reading.


def test_plain_definitions_are_read() -> None:
    read = parse(WHOLE)

    assert read == Definitions(
        cluster="demo",
        subcluster="default",
        revision=1,
        topologies=(Topology("198.18.0.0/24", "eth0"),),
        nodes={"mta1": Node("mta1", "198.18.0.11")},
        vips={"198.18.0.101": Vip("198.18.0.101")},
    )


def test_everything_is_read_back_as_it_was_written() -> None:
    assert parse(render(EVERYTHING)) == EVERYTHING


def test_dead_after_is_three_intervals_unless_it_is_set() -> None:
    half = f"{WHOLE}[knobs]\nheartbeat_interval = 0.5\n"

    assert parse(half).knobs.dead_after == 1.5
    assert parse(f"{half}dead_after = 1.0\n").knobs.dead_after == 1.0
    assert parse(WHOLE).knobs == Knobs()


def test_whole_numbers_will_do_for_seconds() -> None:
    knobs = parse(f'{WHOLE}[knobs]\nview_mature_time = 4\npartition_policy = "quorum"\n').knobs

    assert isinstance(knobs.view_mature_time, float)
    assert knobs.partition_policy is PartitionPolicy.QUORUM


def test_addresses_get_their_one_spelling() -> None:
    read = parse(
        TOP
        + '[topology."2001:DB8:0::/64"]\ninterface = "eth0"\nwitnesses = ["2001:db8:0:0::1"]\n'
        + '[node.mta1]\naddress = "2001:0DB8::b"\n'
        + '[vip."2001:DB8::0101"]\n[vip."2001:db8::102"]\nfollow = "2001:0db8:0::101"\n'
    )

    assert list(read.vips) == ["2001:db8::101", "2001:db8::102"]
    assert read.vips["2001:db8::102"].follow == "2001:db8::101"
    assert read.topologies == (Topology("2001:db8::/64", "eth0", ("2001:db8::1",)),)
    assert read.nodes["mta1"].address == "2001:db8::b"


def test_a_node_may_be_told_to_drain_or_to_rest() -> None:
    draining = WHOLE.replace('.11"\n', '.11"\nstate = "draining"\n')
    resting = WHOLE.replace('.11"\n', '.11"\nstate = "maintenance"\n')
    enabled = WHOLE.replace('.11"\n', '.11"\nstate = "enabled"\n')

    assert parse(draining).nodes["mta1"].admin_state is AdminState.DRAINING
    assert parse(resting).nodes["mta1"].admin_state is AdminState.MAINTENANCE
    assert parse(enabled) == parse(WHOLE)
    assert "state" not in render(parse(enabled))


@pytest.mark.parametrize("check", ["tcp:25", "smtp:65535", "command:/bin/true", "command:/a b  c"])
def test_what_a_vip_serves_is_read(check: str) -> None:
    read = parse(
        f'{WHOLE}weight = 1000\ncheck = "{check}"\nbinding = "Bulk_1.example-a"\n'
        'description = "für alle"\nhook = "/bin/move -x"\n'
    )

    assert read.vips["198.18.0.101"] == Vip(
        "198.18.0.101",
        weight=1000,
        check=check,
        binding="Bulk_1.example-a",
        description="für alle",
        hook="/bin/move -x",
    )


def test_addresses_may_share_a_binding() -> None:
    read = parse(f'{WHOLE}binding = "bulk"\n[vip."198.18.0.102"]\nbinding = "bulk"\n')

    assert {vip.binding for vip in read.vips.values()} == {"bulk"}


def test_a_segment_that_is_not_said_goes_with_every_other() -> None:
    of_node = WHOLE.replace('.11"\n', '.11"\nsegment = "rack2"\n')
    of_net = WHOLE.replace('"eth0"\n', '"eth0"\nsegment = "rack1"\n')
    empty = f'{of_net}[topology."10.0.0.0/8"]\ninterface = "eth1"\nsegment = "rack9"\n'

    assert parse(of_node).nodes["mta1"].segment == "rack2"
    assert parse(of_net).topologies[0].segment == "rack1"
    # A network without a VIP may lie anywhere.
    assert len(parse(empty.replace('.11"\n', '.11"\nsegment = "rack1"\n')).topologies) == 2


def test_a_ring_address_may_lie_outside_the_topologies() -> None:
    assert parse(WHOLE.replace("198.18.0.11", "10.1.2.3")).nodes["mta1"].address == "10.1.2.3"


def test_logs_and_their_subscribers_are_read_in_order_of_their_names() -> None:
    read = parse(
        f'{WHOLE}[log.web]\npath = "/var/log/web/*.log"\n[subscriber.manager]\n'
        '[log.mail]\npath = "/var/log/mail.log"\nnodes = ["mta1"]\n'
        "[subscriber.archive]\nbacklog_bytes = 1048576\n"
    )

    assert read.logs == Logs(
        (Source("mail", "/var/log/mail.log", ("mta1",)), Source("web", "/var/log/web/*.log")),
        (Subscriber("archive", 1 << 20), Subscriber("manager", 1 << 30)),
    )
    assert replace(read, logs=Logs()) == parse(WHOLE)
    assert render(read).index("[log.mail]") < render(read).index("[log.web]")
    assert "backlog_bytes = 1048576" in render(read)
    assert render(read).count("backlog_bytes") == 1


# Refusing.

REFUSALS = {
    "vip no address": (WHOLE.replace("0.101", "0.300"), 9, "vip 198.18.0.300: not an address"),
    "vip outside": (WHOLE.replace("0.101", "1.101"), 9, "vip 198.18.1.101: in no topology"),
    "vip a node's own": (WHOLE.replace("0.101", "0.11"), 9, "it is node mta1's own address"),
    "vip the broadcast": (WHOLE.replace("0.101", "0.255"), 9, "it is the broadcast address"),
    "vip the network": (WHOLE.replace("0.101", "0.0"), 9, "it is the address of network"),
    "vip the anchor": (WHOLE.replace("0.101", "0.101").replace("198.18.0.101", "192.0.2.1"), 9, ""),
    "vip a witness": (
        WHOLE.replace('"eth0"\n', '"eth0"\nwitnesses = ["198.18.0.101"]\n'),
        10,
        "it is a witness",
    ),
    "vip with a zone": (WHOLE.replace("198.18.0.101", "fe80::1%eth0"), 9, "has a zone"),
    "vip twice, spelled alike": (WHOLE + VIP, 10, "Cannot declare"),
    "vip twice, spelled differently": (
        TOP
        + '[topology."2001:db8::/64"]\ninterface = "eth0"\n'
        + '[vip."2001:db8::1"]\n[vip."2001:DB8:0::1"]\n',
        8,
        "defined twice (it is 2001:db8::1)",
    ),
    "unknown key": (f'{WHOLE}prefr = ["mta1"]\n', 10, "unknown key prefr; did you mean prefer?"),
    "unknown table": (f"{WHOLE}[pool]\n", 10, "unknown key pool; known are format, cluster"),
    "prefers nobody known": (f'{WHOLE}prefer = ["mta7"]\n', 10, "prefers node mta7, not defined"),
    "prefers twice": (f'{WHOLE}prefer = ["mta1", "mta1"]\n', 10, "named twice"),
    "prefers a number": (f"{WHOLE}prefer = [1]\n", 10, "prefer is [1]; write a list of texts"),
    "follows nobody": (
        f'{WHOLE}follow = "198.18.0.9"\n',
        10,
        "follows vip 198.18.0.9, not defined",
    ),
    "follows itself": (f'{WHOLE}follow = "198.18.0.101"\n', 10, "follows itself"),
    "follows in a circle": (
        f'{WHOLE}follow = "198.18.0.102"\n[vip."198.18.0.102"]\nfollow = "198.18.0.101"\n',
        10,
        "198.18.0.101 -> 198.18.0.102 -> 198.18.0.101",
    ),
    "follows and prefers": (
        f'{WHOLE}prefer = ["mta1"]\nfollow = "198.18.0.102"\n[vip."198.18.0.102"]\n',
        11,
        "follow and prefer contradict each other",
    ),
    "format of the future": (WHOLE.replace("format = 1", "format = 2"), 1, "format is 2"),
    "no revision": (WHOLE.replace("revision = 1\n", ""), 1, "revision is missing"),
    "revision true": (WHOLE.replace("revision = 1", "revision = true"), 4, "revision is True"),
    "revision zero": (WHOLE.replace("revision = 1", "revision = 0"), 4, "revision is 0"),
    "subcluster of two words": (WHOLE.replace('"default"', '"two words"'), 3, "one word"),
    "subcluster in capitals": (WHOLE.replace('"default"', '"Default"'), 3, "lower case"),
    "cluster no label": (WHOLE.replace('"demo"', '"de.mo"'), 2, "hostname label"),
    "node no label": (WHOLE.replace("node.mta1", 'node."MTA_1"'), 7, "node 'MTA_1': not a name"),
    "node without address": (
        WHOLE.replace('address = "198.18.0.11"\n', ""),
        7,
        "address is missing",
    ),
    "node with a witness's address": (
        WHOLE.replace('"eth0"\n', '"eth0"\nwitnesses = ["198.18.0.11"]\n'),
        9,
        "a witness stands outside the cluster",
    ),
    "two nodes, one address": (
        f'{WHOLE}[node.mta2]\naddress = "198.18.0.11"\n',
        11,
        "198.18.0.11 is the address of node mta1 too",
    ),
    "node's interface of no topology": (
        WHOLE.replace('.11"\n', '.11"\ninterfaces = { "10.0.0.0/8" = "eth1" }\n'),
        9,
        "no topology 10.0.0.0/8; write one of 198.18.0.0/24",
    ),
    "port too high": (
        WHOLE.replace('.11"\n', '.11"\nring_port = 70000\n'),
        9,
        "ring_port is 70000",
    ),
    "weight none": (WHOLE.replace('.11"\n', '.11"\nweight = 0\n'), 9, "weight is 0"),
    "node state unknown": (
        WHOLE.replace('.11"\n', '.11"\nstate = "drain"\n'),
        9,
        "node mta1: state is 'drain'; write enabled or draining or maintenance",
    ),
    "node segment no word": (
        WHOLE.replace('.11"\n', '.11"\nsegment = "Rack 1"\n'),
        9,
        "node mta1: segment 'Rack 1': not a name; write one word in lower case",
    ),
    "topology segment no word": (
        WHOLE.replace('"eth0"\n', '"eth0"\nsegment = "1"\n'),
        7,
        "topology 198.18.0.0/24: segment '1': not a name",
    ),
    "vip across segments": (
        WHOLE.replace('"eth0"\n', '"eth0"\nsegment = "rack1"\n').replace(
            '.11"\n', '.11"\nsegment = "rack2"\n'
        ),
        11,
        "vip 198.18.0.101: its topology 198.18.0.0/24 is in segment rack1, node mta1 is in "
        "segment rack2: a VIP cannot move across segments; move the node to a subcluster",
    ),
    "vip weight": (f"{WHOLE}weight = 1001\n", 10, "weight is 1001; write a whole number, 1 to"),
    "vip check unknown": (f'{WHOLE}check = "icmp:1"\n', 10, "check 'icmp:1' is none; write tcp:"),
    "vip check port": (f'{WHOLE}check = "tcp:65536"\n', 10, "check names port 65536"),
    "vip check port zero": (f'{WHOLE}check = "smtp:025"\n', 10, "check 'smtp:025' is none"),
    "vip check path": (f'{WHOLE}check = "command:true"\n', 10, "check 'command:true' is none"),
    "vip check long": (
        f'{WHOLE}check = "command:/{"x" * 500}"\n',
        10,
        "check has 509 characters; write at most 500",
    ),
    "vip check two lines": (f'{WHOLE}check = "command:/a\\nb"\n', 10, "cannot be printed"),
    "vip check quote": (f'{WHOLE}check = "command:/a \'b"\n', 10, "has a quote or a backslash"),
    "vip hook path": (
        f'{WHOLE}hook = "true"\n',
        10,
        "vip 198.18.0.101: hook 'true' is none; write",
    ),
    "vip hook of the root": (f'{WHOLE}hook = "/ a"\n', 10, "hook '/ a' is none; write /PATH"),
    "vip hook long": (f'{WHOLE}hook = "/{"x" * 500}"\n', 10, "hook has 501 characters"),
    "vip hook quote": (f"{WHOLE}hook = '/a \"b'\n", 10, "hook '/a \"b' has a quote"),
    "vip hook two lines": (f'{WHOLE}hook = "/a\\nb"\n', 10, "cannot be printed"),
    "vip binding": (f'{WHOLE}binding = "a b"\n', 10, "binding 'a b' is not a name; write letters"),
    "vip binding long": (f'{WHOLE}binding = "{"b" * 64}"\n', 10, "at most 63"),
    "vip description long": (f'{WHOLE}description = "{"d" * 201}"\n', 10, "at most 200"),
    "vip description escape": (f'{WHOLE}description = "\\u001b[2J"\n', 10, "cannot be printed"),
    "vip description number": (f"{WHOLE}description = 7\n", 10, "write a text in quotes"),
    "network with host bits": (
        WHOLE.replace("0.0/24", "0.7/24"),
        5,
        "'198.18.0.7/24' is not a network; write 198.18.0.0/24",
    ),
    "network none": (WHOLE.replace("198.18.0.0/24", "here"), 5, "write one such as"),
    "interface too long": (WHOLE.replace('"eth0"', '"ethernet-number-0"'), 6, "at most 15"),
    "witness of the other family": (
        WHOLE.replace('"eth0"\n', '"eth0"\nwitnesses = ["2001:db8::1"]\n'),
        7,
        "cannot be asked on an IPv4 network",
    ),
    "host of interest of the other family": (
        WHOLE.replace('"eth0"\n', '"eth0"\ninterest = ["2001:db8::1"]\n'),
        7,
        "host of interest 2001:db8::1 cannot be asked on an IPv4 network",
    ),
    "host of interest twice": (
        WHOLE.replace('"eth0"\n', '"eth0"\ninterest = ["198.18.0.9", "198.18.0.9"]\n'),
        7,
        "host of interest 198.18.0.9: named twice",
    ),
    "too many hosts of interest": (
        WHOLE.replace(
            '"eth0"\n', f'"eth0"\ninterest = {[f"198.18.0.{n}" for n in range(130, 195)]}\n'
        ),
        7,
        "65 hosts of interest; name at most 64",
    ),
    "a table that is none": (TOP + "vip = 3\n", 5, "vip is 3; write a table"),
    "a vip that is none": (TOP + '[vip]\n"198.18.0.1" = 3\n', 6, "is no table"),
    "log without path": (f"{WHOLE}[log.mail]\n", 10, "log mail: path is missing; write path ="),
    "log of a node not defined": (
        f'{WHOLE}[log.mail]\npath = "/a"\nnodes = ["mta7"]\n',
        12,
        "log mail: node 'mta7' is not defined; correct the name or remove it",
    ),
    "log path": (f'{WHOLE}[log.mail]\npath = "a"\n', 11, "log mail: path 'a'; write an absolute"),
    "log of lists": (f'{WHOLE}[[log]]\npath = "/a"\n', 10, "write a table: [log]"),
    "log name": (f'{WHOLE}[log."a.b"]\npath = "/a"\n', 10, "log 'a.b': not a name"),
    "log key": (f'{WHOLE}[log.mail]\nglob = "/a"\n', 11, "unknown key glob; known are path, nodes"),
    "subscriber name": (f"{WHOLE}[subscriber.Manager]\n", 10, "'Manager': not a name"),
    "subscriber backlog": (
        f"{WHOLE}[subscriber.manager]\nbacklog_bytes = 5\n",
        11,
        "subscriber manager: backlog_bytes is 5; write a whole number, 1048576 to",
    ),
    "no TOML": (WHOLE + "[vip.\n", 10, "not TOML"),
    "cut in a text": (WHOLE[:-4], 9, "not TOML"),
    "empty": ("", 1, "format is missing"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_wrong_is_refused_with_its_line(name: str) -> None:
    text, line, words = REFUSALS[name]

    said = refusal(text)

    assert said.startswith(f"d.toml:{line}: ")
    assert words in said
    assert "\n" not in said


KNOBS = {
    "heartbeat_interval = 0.01": "write a number, 0.05 to 10",
    "heartbeat_interval = nan": "write a number",
    "heartbeat_interval = inf": "write a number",
    'heartbeat_interval = "fast"': "heartbeat_interval is 'fast'",
    "dead_after = 0.3": "under two heartbeat intervals; write 0.4 or more",
    "lease_ttl = 2.5": "write a whole number",
    "lease_ttl = 1": "write 2 or more",
    "lease_ttl = 0": "write a whole number, 1 to 60",
    "dead_after = 2.0": "lease_ttl is 3 s, not more than dead_after (2 s) and 1 s for a restart",
    "probe_count = 0": "write a whole number, 1 to 20",
    "balance_set_size = 1e9": "write a whole number",
    "announce_period = -1": "announce_period is -1",
    'partition_policy = "split"': "write cover or quorum",
    'announce_to = "some"': "announce_to is 'some'; write all or interest",
    "announce_to = 1": "announce_to is 1; write a text in quotes",
    "hook_timeout = 61": "write a number, 0.1 to 60",
    "check_fall = 0": "write a whole number, 1 to 100",
    "check_timeout = 0.01": "write a number, 0.05 to 60",
    "check_interval = 0": "write a number, 0.1 to 3600",
    'on_change = "mail"': "on_change 'mail' is none; write /PATH ARGUMENTS",
    "on_change = 1": "on_change is 1; write a text in quotes",
    "hartbeat_interval = 1": "did you mean heartbeat_interval?",
}


@pytest.mark.parametrize("line", KNOBS)
def test_knobs_have_bounds(line: str) -> None:
    said = refusal(f"{WHOLE}[knobs]\n{line}\n")

    assert KNOBS[line] in said
    assert said.startswith(("d.toml:11: ", "d.toml:10: "))


def test_different_health_checks_are_bounded() -> None:
    vips = [Vip(f"198.18.0.{n}", check=f"tcp:{n}") for n in range(101, 101 + CHECK_COUNT)]
    many = replace(PLAIN, vips={vip.address: vip for vip in vips})
    more = Vip("198.18.0.200", check="tcp:200")

    assert parse(render(many)) == many
    with pytest.raises(DefinitionsError, match=r"200: 64 different checks are in use"):
        render(replace(many, vips=many.vips | {more.address: more}))


def test_a_file_may_not_be_larger_than_the_limit() -> None:
    assert "are too many" in refusal("# " + "x" * LIMIT_BYTES)


def test_the_line_is_found_among_comments_and_lists() -> None:
    text = (
        "# [vip.x]\n\n"
        + TOP
        + '[topology."198.18.0.0/24"] # net\nwitnesses = [\n  "198.18.0.1", # = gateway\n'
        + '  "198.18.0.2",\n]\ninterface = "eth0"\n'
        + NODE
        + "  [ vip . '198.18.0.101' ]\n  'prefer' = [\n 'mta8' ]\n"
    )

    assert refusal(text).startswith("d.toml:16: vip 198.18.0.101: prefers node mta8")


# Writing.


def test_the_canonical_form_leaves_out_what_is_usual() -> None:
    assert render(PLAIN) == (
        f"{FIRST_LINE}\n"
        "format = 1\n"
        'cluster = "demo"\n'
        'subcluster = "default"\n'
        "revision = 7\n"
        "\n"
        '[topology."198.18.0.0/24"]\n'
        'interface = "eth0"\n'
        "\n"
        "[node.mta1]\n"
        'address = "198.18.0.11"\n'
        "\n"
        '[vip."198.18.0.9"]\n'
        "\n"
        '[vip."198.18.0.101"]\n'
        "\n"
        "# end of definitions: revision 7, 1 nodes, 2 vips, crc32 c646cd57\n"
    )


def test_the_canonical_form_is_the_same_whatever_the_order() -> None:
    turned = Definitions(
        cluster=EVERYTHING.cluster,
        subcluster=EVERYTHING.subcluster,
        revision=EVERYTHING.revision,
        knobs=EVERYTHING.knobs,
        topologies=EVERYTHING.topologies,
        nodes=dict(reversed(EVERYTHING.nodes.items())),
        vips=dict(reversed(EVERYTHING.vips.items())),
        logs=Logs(EVERYTHING.logs.sources[::-1], EVERYTHING.logs.subscribers[::-1]),
        replication=replace(
            EVERYTHING.replication,
            tables=EVERYTHING.replication.tables[::-1],
            limits=EVERYTHING.replication.limits[::-1],
            exempts=EVERYTHING.replication.exempts[::-1],
        ),
    )

    assert render(turned) == render(EVERYTHING)


def test_a_canonical_file_cut_between_two_tables_is_noticed() -> None:
    text = render(EVERYTHING)

    said = refusal(text.rsplit("[vip", 1)[0])

    assert "cut short: its last line is missing" in said
    assert "put the whole file back" in said


def test_a_canonical_file_that_was_edited_is_noticed_until_its_first_line_goes() -> None:
    edited = render(PLAIN).replace("198.18.0.101", "198.18.0.102")

    assert "not what its last line says" in refusal(edited)
    assert "198.18.0.102" in parse(edited.removeprefix(FIRST_LINE)).vips


@pytest.mark.parametrize("number", ["1" * 5000, "0x" + "f" * 5000, "[0x" + "f" * 5000 + "]"])
def test_a_number_of_thousands_of_digits_is_refused_with_a_sentence(number: str) -> None:
    assert re.search(r":\d+: .*too long", refusal(WHOLE.replace("= 1\n[", f"= {number}\n[", 1)))


def test_the_line_of_a_mistake_is_found_behind_a_line_of_spaces() -> None:
    text = "format = 1\n" + " " * 200_000 + "\n  revision = 0\n"

    assert line_of(text, ("revision",)) == 3


def test_a_file_that_would_be_too_large_is_not_written() -> None:
    addresses = [f"10.0.{number // 250}.{1 + number % 250}" for number in range(9000)]
    vips = {
        one: Vip(one, description="d" * 200, check="command:/" + "c" * 490) for one in addresses
    }
    huge = Definitions("demo", "default", 1, Knobs(), (Topology("10.0.0.0/8", "eth0"),), {}, vips)

    with pytest.raises(DefinitionsError, match="are too many; at most 4194304"):
        render(huge)


def test_what_would_be_refused_is_not_written() -> None:
    wrong = Definitions(cluster="demo", subcluster="default", revision=1, vips={"x": Vip("x")})

    with pytest.raises(DefinitionsError, match="vip x: not an address"):
        render(wrong)
