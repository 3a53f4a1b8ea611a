"""Subclusters copied and promoted: one revision each, checked for every node, or nothing."""

from typing import Any

import pytest
from django.db import transaction

from cluster_admin.configs import index, places_copying, promoting
from cluster_admin.configs import services as configs
from cluster_admin.configs.models import Revision
from cluster_admin.configs.places import Plan
from cluster_admin.configs.store import repository
from cluster_admin.inventory import repository as texts
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node, Setting, Subcluster
from cluster_admin.logs.models import LogSource, LogSubscriber
from cluster_admin.replication.models import (
    LimitExemption,
    Limiting,
    ReplicatedTable,
    TrafficLimit,
)
from cluster_admin.vips.models import Vip
from tests.web.config_stage import ACTOR, add_vip, commit, head, subcluster, text
from workers.failover.core.definitions_text import parse
from workers.replication.core.definitions import Replication
from workers.repository.core.changes import Entry
from workers.repository.errors import ConflictError, NothingChangedError, UnknownRevisionError

pytestmark = pytest.mark.django_db
FILES = {"staging/default/a": "1\n", "staging/default/b.j2": "{{ node.name }}\n"}


@pytest.fixture
def home() -> Subcluster:
    """`default`, which is the one in production, and `staging`, with files of their own."""
    made = subcluster()
    staging = subcluster("staging", "198.18.1", "test")
    with services.change(staging, ACTOR) as done:
        Setting.objects.create(subcluster=done.subcluster, name="dead_after", value=1.5)
    commit(
        {
            **FILES,
            "staging/test1/own": "mine\n",
            "default/default/a": "0\n",
            "default/default/old": "0\n",
            "default/mta1/own": "production's\n",
        }
    )
    return made


def done(plan: Plan, **values: Any) -> configs.Made:
    return configs.commit(ACTOR, plan.changes, plan.message, base=plan.base, **values)


def below(directory: str) -> dict[str, tuple[bytes, bool]]:
    tree = repository().tree(head())
    return {
        path.removeprefix(f"{directory}/"): (repository().content(file.blob), file.executable)
        for path, file in tree.items()
        if path.startswith(f"{directory}/")
    }


def test_a_copy_is_one_revision_with_files_and_settings_and_nothing_unique(
    home: Subcluster,
) -> None:
    commit({"staging/default/run": Entry(b"#!\n", executable=True)})
    before = head()

    done(places_copying.copied("staging", "trial"))

    assert head() == before + 1 == Revision.objects.count()
    assert below("trial/default") == below("staging/default")
    assert "trial/test1/own" not in repository().tree(head())
    row = Subcluster.objects.get(name="trial")
    assert (row.node_set.count(), row.vip_set.count(), row.topology_set.count()) == (0, 0, 0)
    assert {one.name: one.value for one in row.setting_set.all()} == {"dead_after": 1.5}
    assert texts.newest_text(row) == text("trial/definitions.toml")
    assert repository().revision(head()).message == f"Copy subcluster staging (r{before}) to trial"
    assert index.follow() == head()


def test_a_copy_may_have_the_usual_settings_and_its_own_words(home: Subcluster) -> None:
    done(places_copying.copied("staging", "trial", knobs=False, history=True, message="Try it"))

    row = Subcluster.objects.get(name="trial")
    assert not row.setting_set.exists()
    assert repository().revision(head()).message == f"Try it\n\nCopied-from: staging@r{head() - 1}"


def test_a_copy_ships_its_logs_as_its_model_does(home: Subcluster) -> None:
    staging = Subcluster.objects.get(name="staging")
    with services.change(staging, ACTOR) as change:
        for name, nodes in (("mail", []), ("web", ["test1"])):
            LogSource.objects.create(
                subcluster=change.subcluster, name=name, path=f"/var/log/{name}", nodes=nodes
            )
        LogSubscriber.objects.create(subcluster=change.subcluster, name="archive")

    done(places_copying.copied("staging", "trial"))
    done(places_copying.copied("staging", "plain", knobs=False))

    row = Subcluster.objects.get(name="trial")
    assert [(one.name, one.path) for one in row.logsource_set.all()] == [("mail", "/var/log/mail")]
    assert [one.name for one in row.logsubscriber_set.all()] == ["archive"]
    assert not LogSource.objects.filter(subcluster__name="plain").exists()


def test_logs_are_promoted_with_the_settings_and_nothing_of_the_targets_own_ends(
    home: Subcluster,
) -> None:
    of_staging = {("mail", "/var/log/mail", ()), ("web", "/var/log/web", ("test1",))}
    of_default = {
        ("mail", "/var/log/other", ()),
        ("old", "/var/log/old", ()),
        ("own", "/o", ("mta1",)),
    }
    for name, sources, subscriber in (
        ("staging", of_staging, "archive"),
        ("default", of_default, "audit"),
    ):
        with services.change(Subcluster.objects.get(name=name), ACTOR) as change:
            for log, path, nodes in sources:
                LogSource.objects.create(
                    subcluster=change.subcluster, name=log, path=path, nodes=list(nodes)
                )
            LogSubscriber.objects.create(subcluster=change.subcluster, name=subscriber)

    done(promoting.promotion("staging", "default", settings=True))

    found = parse(text("default/definitions.toml")).logs
    assert [(one.name, one.path) for one in found.sources] == [
        ("mail", "/var/log/mail"),
        ("own", "/o"),
    ]
    assert [one.name for one in found.subscribers] == ["archive", "audit"]


def test_tables_and_limits_are_copied_and_promoted_with_the_settings(home: Subcluster) -> None:
    staging = Subcluster.objects.get(name="staging")
    rate = {"subject": "inbound-messages", "per": "address", "most": 5, "window": 60}
    with services.change(staging, ACTOR) as change:
        here = {"subcluster": change.subcluster}
        TrafficLimit.objects.create(**here, name="per-client", **rate)
        LimitExemption.objects.create(**here, name="office", key="192.0.2.0/24")
        ReplicatedTable.objects.create(**here, name="seen", type="cache")
        Limiting.objects.create(**here, cut_off="full")

    done(places_copying.copied("staging", "trial"))
    done(places_copying.copied("staging", "plain", knobs=False))
    done(promoting.promotion("staging", "default", settings=True))

    wanted = parse(text("staging/definitions.toml")).replication
    assert len(wanted.limits) == len(wanted.exempts) == len(wanted.tables) == 1
    for name in ("trial", "default"):
        assert parse(text(f"{name}/definitions.toml")).replication == wanted
        row = Subcluster.objects.get(name=name)
        assert [one.name for one in row.trafficlimit_set.all()] == ["per-client"]
        assert [one.cut_off for one in row.limiting_set.all()] == ["full"]
    assert parse(text("plain/definitions.toml")).replication == Replication()
    with pytest.raises(NothingChangedError):
        promoting.promotion("staging", "default", settings=True)


def test_a_copy_takes_nodes_like_any_other(home: Subcluster) -> None:
    done(places_copying.copied("staging", "trial"))
    row = Subcluster.objects.get(name="trial")

    with services.change(row, ACTOR):
        Node.objects.create(subcluster=row, name="new1", address="198.18.5.1")

    tree = configs.render("new1", head())
    assert not isinstance(tree, list)
    assert tree.contents["b"] == (b"new1\n", False)


def test_a_subcluster_without_files_is_copied_too(home: Subcluster) -> None:
    commit({"staging/default/a": None, "staging/default/b.j2": None})

    done(places_copying.copied("staging", "trial", history=True))

    assert Subcluster.objects.filter(name="trial").exists()
    assert below("trial/default") == {}


def test_what_an_older_subcluster_of_that_name_left_is_no_part_of_the_copy(
    home: Subcluster,
) -> None:
    done(places_copying.copied("staging", "trial"))
    commit({"trial/default/left": "1\n"})
    services.remove_subcluster(Subcluster.objects.get(name="trial"), ACTOR)

    done(places_copying.copied("staging", "trial"))

    assert below("trial/default") == below("staging/default")


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("staging", "default"), "a subcluster default already; to make it like staging: muster"),
        (("staging", "staging"), "a subcluster staging already"),
        (("staging", "global"), "cannot be called global"),
        (("staging", "logs"), "cannot be called logs"),
        (("staging", "Trial"), "no subcluster can be called Trial"),
        (("nowhere", "trial"), "there is no subcluster nowhere"),
        (("global", "trial"), "there is no subcluster global"),
    ],
)
def test_copies_that_cannot_be(home: Subcluster, names: tuple[str, str], sentence: str) -> None:
    before = head()

    with pytest.raises(configs.Refused, match=sentence):
        places_copying.copied(*names)

    assert head() == before


@pytest.mark.parametrize("knobs", [False, True])
def test_a_death_after_git_has_it_leaves_nothing_half_done(home: Subcluster, knobs: bool) -> None:
    with transaction.atomic():
        done(places_copying.copied("staging", "trial", knobs=knobs))
        done(promoting.promotion("trial", "default", settings=knobs))
        transaction.set_rollback(True)
    assert not Subcluster.objects.filter(name="trial").exists()

    assert index.follow() == head() == Revision.objects.count()

    for name in ("trial", "default"):
        row = Subcluster.objects.get(name=name)
        assert texts.newest_text(row) == text(f"{name}/definitions.toml")
        assert row.setting_set.filter(name="dead_after").exists() == knobs
        assert below(f"{name}/default") == below("staging/default")


def test_a_dry_run_of_a_copy_changes_nothing(home: Subcluster) -> None:
    before = head()

    made = done(places_copying.copied("staging", "trial"), dry_run=True)

    assert (made.revision, made.previews, head()) == (None, (), before)
    assert not Subcluster.objects.filter(name="trial").exists()


def test_a_promotion_makes_the_files_the_same_and_leaves_the_rest(home: Subcluster) -> None:
    before, definitions = head(), text("default/definitions.toml")

    plan = promoting.promotion("staging", "default")
    tried = done(plan, dry_run=True)
    done(plan)

    assert below("default/default") == below("staging/default")
    assert text("default/mta1/own") == "production's\n"
    assert text("default/definitions.toml") == definitions
    assert head() == before + 1
    assert [one.node for one in tried.previews] == ["mta1", "mta2"]
    changed = {one.path: one.kind.value for one in tried.previews[0].differences}
    assert changed == {"a": "changed", "b": "added", "old": "deleted"}
    assert plan.message == f"Promote staging (r{before}) to default"


def test_settings_are_promoted_when_that_is_said(home: Subcluster) -> None:
    done(promoting.promotion("staging", "default", settings=True))

    found = parse(text("default/definitions.toml"))
    assert found.knobs == parse(text("staging/definitions.toml")).knobs
    assert found.knobs.dead_after == 1.5
    assert (sorted(found.nodes), list(found.vips)) == (["mta1", "mta2"], ["198.18.0.101"])
    home.refresh_from_db()
    assert texts.newest_text(home) == text("default/definitions.toml")
    with pytest.raises(NothingChangedError):
        promoting.promotion("staging", "default", settings=True)


def test_what_was_tested_is_promoted_though_staging_went_on(home: Subcluster) -> None:
    tested = head()
    commit({"staging/default/a": "2, not tested\n"})

    done(promoting.promotion("staging", "default", revision=tested))

    assert text("default/default/a") == "1\n"


def test_what_was_reviewed_is_committed_whatever_staging_became(home: Subcluster) -> None:
    reviewed = promoting.promotion("staging", "default")
    commit({"staging/default/a": "2\n", "global/motd": "1\n"})

    again = promoting.promotion("staging", "default", base=reviewed.base)
    done(again)

    assert again == reviewed
    assert text("default/default/a") == "1\n"


def test_a_change_of_production_meanwhile_is_never_overwritten_unseen(home: Subcluster) -> None:
    reviewed = promoting.promotion("staging", "default")
    commit({"default/default/a": "a hotfix\n"})

    with pytest.raises(ConflictError) as caught:
        done(reviewed)

    assert list(caught.value.paths) == ["default/default/a"]
    assert text("default/default/a") == "a hotfix\n"


def test_a_vip_that_came_meanwhile_stays(home: Subcluster) -> None:
    reviewed = promoting.promotion("staging", "default", settings=True)
    add_vip(home, "198.18.0.102")

    done(reviewed)

    assert Vip.objects.filter(subcluster=home).count() == 2
    assert parse(text("default/definitions.toml")).knobs.dead_after == 1.5


def test_a_promotion_that_some_node_could_not_render_is_refused_with_its_line(
    home: Subcluster,
) -> None:
    commit({"staging/default/c.j2": "{% if node.name == 'mta2' %}\n{{ nothing }}{% endif %}\n"})
    before = head()

    with pytest.raises(configs.Refused) as caught:
        done(promoting.promotion("staging", "default"))

    assert caught.value.problems[0][:3] == ("default/default/c.j2", 2, "mta2")
    assert head() == before


@pytest.mark.parametrize(
    ("names", "sentence"),
    [
        (("staging", "staging"), "cannot be promoted to itself"),
        (("staging", "global"), "global is no subcluster"),
        (("global", "default"), "global is no subcluster"),
        (("nowhere", "default"), "there is no subcluster nowhere in r"),
        (("staging", "nowhere"), "there is no subcluster nowhere in r"),
    ],
)
def test_promotions_that_cannot_be(home: Subcluster, names: tuple[str, str], sentence: str) -> None:
    with pytest.raises(configs.Refused, match=sentence):
        promoting.promotion(*names)


def test_an_empty_staging_empties_no_production(home: Subcluster) -> None:
    commit({"staging/default/a": None, "staging/default/b.j2": None})

    with pytest.raises(configs.Refused, match=r"staging/default has no files in r\d+"):
        promoting.promotion("staging", "default", settings=True)


def test_nothing_to_promote_and_unknown_revisions_are_told(home: Subcluster) -> None:
    done(promoting.promotion("staging", "default"))

    with pytest.raises(NothingChangedError, match="default is as staging in r"):
        promoting.promotion("staging", "default")
    with pytest.raises(UnknownRevisionError):
        promoting.promotion("staging", "default", revision=99)
    with pytest.raises(UnknownRevisionError):
        promoting.promotion("staging", "default", base=99)


def test_no_new_node_can_have_the_name_of_the_common_directory(home: Subcluster) -> None:
    wanted = text("default/definitions.toml").replace("[node.mta2]", "[node.default]")

    with pytest.raises(configs.Refused, match="no node can be called default"):
        commit({"default/definitions.toml": wanted})
    assert not Node.objects.filter(name="default").exists()
