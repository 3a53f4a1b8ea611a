"""When nodes are handed the definitions again."""

from cluster_admin.events.pushes import Pushes


def test_a_node_has_some_time_to_get_the_definitions_by_itself() -> None:
    pushes = Pushes()

    assert pushes.due({"mta1"}, 0.0) == []
    assert pushes.due({"mta1"}, 2.0) == []
    assert pushes.due({"mta1", "mta2"}, 2.1) == ["mta1"]


def test_a_node_that_goes_on_lagging_is_helped_every_five_seconds() -> None:
    pushes = Pushes()
    helped = [at for at in range(20) if pushes.due({"mta1"}, float(at))]

    assert helped == [3, 8, 13, 18]


def test_a_node_that_caught_up_begins_anew() -> None:
    pushes = Pushes()
    pushes.due({"mta1"}, 0.0)
    pushes.due({"mta1"}, 3.0)
    pushes.due(set(), 4.0)

    assert pushes.due({"mta1"}, 5.0) == []
    assert pushes.due({"mta1"}, 7.5) == ["mta1"]
