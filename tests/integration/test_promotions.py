"""A subcluster copied and promoted with real parts: what was tried goes live on a real node."""

from collections.abc import Iterator

import pytest

from tests.integration.brokers import RunningBroker
from tests.integration.managers import Manager
from tests.integration.node_parts import Home
from tests.integration.test_config_bus import COMMIT, run
from tests.integration.test_config_managed import at_rest, current, site

PLACING = """
from cluster_admin.configs import places_copying, promoting
from cluster_admin.configs.submitting import submit
def make(plan):
    made = submit(actor, plan.changes, plan.message, base=plan.base)
    print(made.head, *wait_for_replica(made.head))
"""
COPY = PLACING + "make(places_copying.copied(*sys.argv[1:3], history=True))"
PROMOTE = PLACING + "make(promoting.promotion(*sys.argv[1:3], settings=True))"


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, rabbitmq: RunningBroker
) -> Iterator[tuple[Manager, Home]]:
    with site(tmp_path_factory.mktemp("site"), rabbitmq) as found:
        yield found


def test_what_was_tried_in_a_copy_goes_live(place: tuple[Manager, Home]) -> None:
    manager, home = place
    run(manager, COMMIT, "default/default/motd", "as before")
    copied, *holders = run(manager, COPY, "default", "trial")
    assert holders == ["mta1"]
    at_rest(manager, int(copied))
    assert (current(home) / "motd").read_text() == "as before"

    tried, *_ = run(manager, COMMIT, "trial/default/motd", "tried")
    at_rest(manager, int(tried))
    assert (current(home) / "motd").read_text() == "as before"
    promoted, *holders = run(manager, PROMOTE, "trial", "default")

    assert holders == ["mta1"]
    at_rest(manager, int(promoted))
    assert (current(home) / "motd").read_text() == "tried"
