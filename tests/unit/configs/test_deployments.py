"""Which revision a node shall have live."""

from cluster_admin.configs.deployments import target
from cluster_admin.configs.orders import Head, Target

HEAD = Head(7, "7" * 40)


def test_a_subcluster_that_follows_has_the_newest() -> None:
    assert target(None, 3, HEAD) == Target(7)
    assert target(None, 0, Head()) == Target(0)


def test_one_that_is_deployed_by_hand_has_what_was_asked_for() -> None:
    assert target(5, 0, HEAD) == Target(5, ordered=True, backwards=True)
    assert target(5, 6, HEAD).revision == 6


def test_nothing_asked_for_leaves_what_is() -> None:
    assert target(0, 0, HEAD).revision == 0
