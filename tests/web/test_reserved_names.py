"""Names that the configuration keeps for itself are refused in the inventory, by every way in."""

import re

import pytest
from django.test import Client

from cluster_admin.configs import services as configs
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node, Subcluster
from tests.web import seeding
from tests.web.api_client import administrator
from tests.web.config_stage import ACTOR, DEFINITIONS, commit, head, subcluster, text
from workers.failover.core.definitions_text import FIRST_LINE

pytestmark = pytest.mark.django_db
NODE = {"name": "default", "subcluster": "default", "address": "198.18.0.77"}
LINES = '[node.default]\naddress = "198.18.0.77"\n'
SENTENCE = "choose another name"


def _edited() -> str:
    """The definitions with such a node, as somebody writes them."""
    return text(DEFINITIONS).replace(FIRST_LINE, "#") + LINES


def test_no_node_is_called_as_the_directory_of_all() -> None:
    home = subcluster()
    before = head(), home.revision

    answer = administrator().post("nodes/", NODE)

    assert answer.problem == (409, "refused")
    assert SENTENCE in answer.body["detail"]
    with pytest.raises(services.Refused, match=SENTENCE):
        services.import_text(home, _edited(), ACTOR)
    with pytest.raises(services.Refused, match=SENTENCE), services.change(home, ACTOR):
        Node.objects.create(subcluster=home, name="default", address=NODE["address"])
    with pytest.raises(configs.Refused, match=SENTENCE):
        commit({DEFINITIONS: _edited()})
    home.refresh_from_db()
    assert (head(), home.revision) == before
    assert not Node.objects.filter(name="default").exists()


def test_the_admin_refuses_it_too(client: Client) -> None:
    home = subcluster()
    client.force_login(seeding.user("root", "admin", is_staff=True, is_superuser=True))
    fields = {**NODE, "subcluster": str(home.pk), "ring_port": "7411", "weight": "1"}

    shown = client.post(
        "/admin/inventory/node/add/", {**fields, "admin_state": "enabled", "interfaces": ""}
    ).content.decode()

    errors = re.findall(r'class="errornote">|<ul class="errorlist[^>]*>.*?</ul>', shown, re.DOTALL)
    assert SENTENCE in shown, errors
    assert not Node.objects.filter(name="default").exists()


@pytest.mark.parametrize("name", ["global", "logs"])
def test_no_subcluster_is_called_as_what_is_for_all_of_them(name: str) -> None:
    """Given the directory of all nodes, and the queues of logs, then no subcluster has the name."""
    subcluster()
    before = head()

    answer = administrator().post("subclusters/", {"name": name, "description": ""})

    assert (answer.status, head()) == (409, before)
    assert f"cannot be called {name}; {SENTENCE}" in answer.body["detail"]
    assert not Subcluster.objects.filter(name=name).exists()


def test_no_commit_makes_such_a_subcluster() -> None:
    subcluster()
    lines = 'format = 1\ncluster = "demo"\nsubcluster = "logs"\nrevision = 1\n'

    with pytest.raises(configs.Refused, match="cannot be called logs"):
        commit({"logs/definitions.toml": lines})

    assert not Subcluster.objects.filter(name="logs").exists()
