"""Definitions and rows say the same: a file read into rows and written again is that file."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from cluster_admin.audit.actor import Actor
from cluster_admin.inventory import definitions, services
from cluster_admin.inventory.models import Node, Segment, Subcluster
from cluster_admin.vips.models import Vip
from tests.properties.test_definitions_text import definitions as any_definitions
from tests.unit.failover.definitions_samples import EVERYTHING, PLAIN
from workers.failover.core.definitions import Definitions
from workers.failover.core.definitions_text import FIRST_LINE, DefinitionsError, parse, render

pytestmark = pytest.mark.django_db
ACTOR = Actor("tester")


def _ours(given_definitions: Definitions, cluster: str) -> Definitions:
    """As the rows keep it: the cluster is the manager's, topologies stand in order."""
    ordered = tuple(sorted(given_definitions.topologies, key=lambda one: one.cidr))
    return replace(given_definitions, cluster=cluster, topologies=ordered, revision=1)


def _imported(wanted: Definitions) -> Subcluster:
    subcluster = Subcluster.objects.create(name=wanted.subcluster)
    services.import_text(subcluster, render(wanted), ACTOR, add_segments=True)
    return subcluster


@pytest.mark.parametrize("sample", [PLAIN, EVERYTHING], ids=["plain", "everything"])
def test_a_file_read_into_rows_is_written_as_it_was(sample: Definitions) -> None:
    wanted = _ours(sample, Subcluster().cluster)

    subcluster = _imported(wanted)

    assert definitions.build(subcluster) == wanted
    assert parse(subcluster.revisions.get().text) == wanted


@given(sample=any_definitions())
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_definitions_survive_the_rows(sample: Definitions) -> None:
    wanted = _ours(sample, Subcluster().cluster)
    try:
        subcluster = _imported(wanted)

        assert definitions.build(subcluster) == wanted
    finally:
        for model in (Vip, Node):
            if model is Vip:
                Vip.objects.update(follow=None)
            model.objects.all().delete()
        subcluster.topology_set.all().delete()
        subcluster.setting_set.all().delete()
        subcluster.logsource_set.all().delete()
        subcluster.logsubscriber_set.all().delete()
        subcluster.delete()
        Segment.objects.all().delete()


def test_reading_the_same_file_again_changes_nothing_and_keeps_the_rows() -> None:
    wanted = _ours(EVERYTHING, Subcluster().cluster)
    subcluster = _imported(wanted)
    before = set(Vip.objects.values_list("pk", "address"))

    done = services.import_text(subcluster, render(wanted), ACTOR)

    assert done.diff == ""
    assert subcluster.revision == 1
    assert set(Vip.objects.values_list("pk", "address")) == before


@pytest.mark.parametrize(
    "key",
    [
        ".".join(["a"] * 50_000),
        '"x" . ' * 200 + "y",
        "a.'b'." * 60 + "c",
        '"\\"".' * 200 + "y",
    ],
    ids=["plain", "quoted", "both", "escaped"],
)
def test_a_key_of_very_many_parts_is_refused_before_it_takes_time(key: str) -> None:
    text = render(PLAIN).replace(FIRST_LINE, "#")

    with pytest.raises(DefinitionsError, match="more than 100 parts") as caught:
        definitions.read(f"{text}[{key}]\n", "a file")

    assert caught.value.line == text.count("\n") + 1


def test_dots_in_a_text_are_no_parts_of_a_key() -> None:
    text = render(PLAIN).replace(FIRST_LINE, "#") + f"# {'a.' * 200}\n"

    with pytest.raises(DefinitionsError, match="unknown key"):
        definitions.read(f'{text}["{"a." * 200}"]\n', "a file")
