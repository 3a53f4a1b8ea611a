"""Nodes that told how they stand before anybody heard them: they are asked, once."""

import pytest

from cluster_admin.configs.sending import Asked
from tests.web.config_stage import subcluster
from tests.web.test_config_hearing import Bus

pytestmark = pytest.mark.django_db


def test_nodes_that_were_never_heard_are_asked_when_their_room_is_entered() -> None:
    subcluster()
    bus = Bus()
    bus.work(bus.standing())
    bus.desk.entered("default")
    assert bus.work().asked == {"mta2": Asked()}
    assert bus.work(after=5.0).asked == {}
