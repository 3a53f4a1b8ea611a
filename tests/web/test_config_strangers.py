"""Nodes of a room that is entered: each is asked how it stands, once."""

import pytest

from cluster_admin.configs.sending import Asked
from tests.web.config_stage import subcluster
from tests.web.test_config_hearing import Bus

pytestmark = pytest.mark.django_db


def test_nodes_are_asked_when_their_room_is_entered() -> None:
    subcluster()
    bus = Bus()
    bus.work(bus.standing())
    bus.desk.entered("default")
    # One that was heard has a history, which it is to tell again; of the other nothing is known.
    assert bus.work().asked == {"mta1": Asked(tells=True), "mta2": Asked()}
    assert bus.work(after=5.0).asked == {}
