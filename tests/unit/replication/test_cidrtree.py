"""The tree of addresses: a line wherever they part."""

from workers.replication.core.cidrtree import Branch, tree


def test_a_prefix_is_shown_where_addresses_part() -> None:
    rows = [("192.0.2.1", 3), ("192.0.2.2", 1), ("198.51.100.7", 5), ("2001:db8::1", 2)]

    assert tree(rows) == [
        Branch(0, "192.0.0.0/5", 0, 9, False),
        Branch(1, "192.0.2.0/30", 0, 4, False),
        Branch(2, "192.0.2.1", 3, 3, True),
        Branch(2, "192.0.2.2", 1, 1, True),
        Branch(1, "198.51.100.7", 5, 5, True),
        Branch(0, "2001:db8::1", 2, 2, True),
    ]


def test_a_network_holds_what_is_in_it() -> None:
    rows = [("10.0.0.0/8", 1), ("10.1.0.0/16", 2), ("10.1.2.3", 4)]

    assert [(one.depth, one.prefix, one.total) for one in tree(rows)] == [
        (0, "10.0.0.0/8", 7),
        (1, "10.1.0.0/16", 6),
        (2, "10.1.2.3", 4),
    ]


def test_what_has_nothing_in_common_has_a_root_each() -> None:
    assert [(one.depth, one.prefix) for one in tree([("1.0.0.0", 1), ("128.0.0.0", 1)])] == [
        (0, "1.0.0.0"),
        (0, "128.0.0.0"),
    ]


def test_what_is_no_address_has_no_place() -> None:
    assert tree([("no address", 1), ("", 2), ("1.2.3", 3), ("\0", 4), ("01.2.3.4", 5)]) == []


def test_one_address_in_two_spellings_is_one() -> None:
    rows = [("2001:DB8:0::1", 1), ("2001:db8::1", 2), ("::ffff:192.0.2.1", 3), ("192.0.2.1", 4)]

    assert [(one.prefix, one.total) for one in tree(rows)] == [
        ("192.0.2.1", 7),
        ("2001:db8::1", 3),
    ]
