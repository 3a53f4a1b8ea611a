"""Two nodes that are cut from each other learn from a third what the other holds."""

from tests.lab.looking import hears, owners, wait_until
from workers.lab.lab import Lab


def test_a_third_node_ends_what_two_that_are_cut_cannot_know(lab: Lab) -> None:
    lab.inject("broker-freeze")  # ring A carries nothing
    lab.inject("partition", ["mta1", "/", "mta2", "mta3"])
    wait_until(lambda: all(len(held) == 2 for held in owners(lab).values()), 10, "both serve")

    lab.inject("cut", ["mta1", "mta3"])
    lab.heal("partition")

    wait_until(lambda: all(len(held) == 1 for held in owners(lab).values()), 5, "one owner each")
    assert not hears(lab, "mta1", "mta3")
