"""Definitions in the configuration repository: rows and git say the same, whatever fails where."""

import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction

from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs import index, store, tasks
from cluster_admin.configs import services as configs
from cluster_admin.configs.models import Revision
from cluster_admin.configs.store import repository
from cluster_admin.inventory import repository as texts
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node, Segment, Subcluster, Topology
from cluster_admin.vips.models import Vip
from tests.unit.repository.stage import commit as unchecked
from tests.unit.repository.stage import git, sound
from tests.web.config_stage import (
    ACTOR,
    DEFINITIONS,
    add_vip,
    commit,
    head,
    subcluster,
    text,
)
from workers.repository.errors import ConflictError, NothingChangedError
from workers.repository.repository import Repository

pytestmark = pytest.mark.django_db


@pytest.fixture
def home() -> Subcluster:
    return subcluster()


def _agree(home: Subcluster) -> bool:
    home.refresh_from_db()
    return texts.newest_text(home) == text(DEFINITIONS) and Revision.objects.count() == head()


def test_every_change_is_a_commit_by_its_author(home: Subcluster) -> None:
    before = head()

    add_vip(home, "198.18.0.102")

    made = repository().head()
    assert made is not None
    assert (made.number, made.name, made.message) == (before + 1, "ann", "add 198.18.0.102")
    assert Revision.objects.get(number=made.number).commit == made.hash
    assert _agree(home)


def test_a_dry_run_touches_no_git(home: Subcluster) -> None:
    before = head()

    with services.change(home, ACTOR, dry_run=True):
        Vip.objects.create(subcluster=home, address="198.18.0.102")
    with services.change(home, ACTOR):
        home.description = "nodes see nothing of it"
        home.save(update_fields=["description"])

    assert head() == before
    assert _agree(home)


def test_a_change_that_breaks_a_template_is_refused_with_its_line(home: Subcluster) -> None:
    commit({"global/x.j2": "{% if vips | length > 1 %}\n{{ nothing }}\n{% endif %}\n"})
    before = head()

    with pytest.raises(services.Refused, match=r"global/x\.j2:2: .*nothing"):
        add_vip(home, "198.18.0.102")

    assert head() == before
    assert not Vip.objects.filter(address="198.18.0.102").exists()
    assert _agree(home)
    with (
        pytest.raises(services.Refused, match="nothing"),
        services.change(home, ACTOR, dry_run=True),
    ):
        Vip.objects.create(subcluster=home, address="198.18.0.102")


def test_draining_asks_no_template(home: Subcluster) -> None:
    unchecked(repository(), {"global/bad.j2": b"{{ nothing }}"})

    services.set_admin_state(Node.objects.get(name="mta1"), "draining", ACTOR)

    assert 'state = "draining"' in text(DEFINITIONS)


def test_definitions_and_other_files_are_one_revision(home: Subcluster) -> None:
    before = head()
    wanted = text(DEFINITIONS).replace('[vip."198.18.0.101"]', '[vip."198.18.0.105"]')
    wanted = wanted.replace("[node.mta2]", "# the second\n[node.mta2]")

    commit({DEFINITIONS: wanted, "default/mta2/own": "1\n"})

    assert head() == before + 1
    assert Vip.objects.get().address == "198.18.0.105"
    assert "# the second" not in text(DEFINITIONS)
    assert text("default/mta2/own") == "1\n"
    assert _agree(home)
    with pytest.raises(NothingChangedError):
        commit({DEFINITIONS: wanted})


def test_a_new_node_comes_with_its_files(home: Subcluster) -> None:
    third = text(DEFINITIONS) + '\n[node.mta3]\naddress = "198.18.0.13"\n'

    commit({DEFINITIONS: third, "default/mta3/own": "1\n"})

    assert Node.objects.filter(name="mta3", subcluster=home).exists()
    assert _agree(home)


def test_a_new_subcluster_comes_with_its_files(home: Subcluster) -> None:
    other = text(DEFINITIONS).replace("mta", "test").replace('"default"', '"other"')
    other = other.replace("198.18.0.101", "198.18.0.102")

    commit({"other/definitions.toml": other, "other/default/motd": "1\n"})

    assert Subcluster.objects.get(name="other").node_set.count() == 2
    assert configs.known() == {"default": {"mta1", "mta2"}, "other": {"test1", "test2"}}


def test_a_dry_run_of_definitions_changes_nothing(home: Subcluster) -> None:
    commit({"global/x.j2": "{% for vip in vips %}{{ vip.address }}\n{% endfor %}"})
    before = head()
    wanted = text(DEFINITIONS).replace('[vip."198.18.0.101"]', '[vip."198.18.0.105"]')

    made = commit({DEFINITIONS: wanted}, dry_run=True)

    assert [one.node for one in made.previews] == ["mta1", "mta2"]
    assert "-198.18.0.101\n+198.18.0.105\n" in made.previews[0].differences[0].text
    assert head() == before
    assert Vip.objects.get().address == "198.18.0.101"
    assert _agree(home)


def test_a_change_by_the_api_and_one_by_a_commit_are_merged(home: Subcluster) -> None:
    base = head()
    wanted = text(DEFINITIONS).replace("[node.mta2]", "[node.mta2]\nweight = 3")
    add_vip(home, "198.18.0.102")

    commit({DEFINITIONS: wanted, "global/motd": "1\n"}, base=base)

    assert Node.objects.get(name="mta2").weight == 3
    assert Vip.objects.count() == 2
    assert _agree(home)


def test_definitions_are_merged_though_others_have_said_the_rest_already(home: Subcluster) -> None:
    base = head()
    wanted = text(DEFINITIONS).replace("[node.mta2]", "[node.mta2]\nweight = 3")
    add_vip(home, "198.18.0.102")
    commit({"global/motd": "1\n"})

    commit({DEFINITIONS: wanted, "global/motd": "1\n"}, base=base)

    assert Node.objects.get(name="mta2").weight == 3
    assert Vip.objects.count() == 2
    assert _agree(home)


def test_a_change_by_the_api_and_one_by_a_commit_may_conflict(home: Subcluster) -> None:
    base = head()
    mine, theirs = (
        text(DEFINITIONS).replace("[node.mta2]", f"[node.mta2]\nweight = {weight}")
        for weight in (3, 4)
    )
    commit({DEFINITIONS: theirs})
    before = head()

    with pytest.raises(ConflictError) as caught:
        commit({DEFINITIONS: mine, "global/motd": "1\n"}, base=base)

    assert list(caught.value.paths) == [DEFINITIONS]
    assert head() == before
    assert Node.objects.get(name="mta2").weight == 4
    assert _agree(home)


def test_who_may_not_make_segments_makes_none_by_a_commit(home: Subcluster) -> None:
    wanted = text(DEFINITIONS).replace(
        'interface = "eth0"', 'interface = "eth0"\nsegment = "rack-1"'
    )

    with pytest.raises(configs.Refused, match="no segment rack-1"):
        commit({DEFINITIONS: wanted})
    assert not Segment.objects.exists()
    commit({DEFINITIONS: wanted}, add_segments=True)
    assert _agree(home)


def test_rows_that_a_death_left_behind_are_repaired_from_git(home: Subcluster) -> None:
    with transaction.atomic():
        add_vip(home, "198.18.0.102")
        commit({"global/motd": "1\n"})
        transaction.set_rollback(True)
    assert not _agree(home)

    assert index.follow() == head()

    assert _agree(home)
    assert Vip.objects.filter(address="198.18.0.102").exists()
    told = AuditRecord.objects.filter(kind="configuration", via="system")
    assert [(one.actor, one.object) for one in told] == [
        ("ann", f"r{head()}"),
        ("ann", f"r{head() - 1}"),
    ]


def test_rows_are_repaired_though_nobody_commits(home: Subcluster) -> None:
    with transaction.atomic():
        add_vip(home, "198.18.0.102")
        transaction.set_rollback(True)

    for _ in range(2):
        tasks.follow()

    assert _agree(home)


def test_the_next_change_repairs_before_it_changes(home: Subcluster) -> None:
    with transaction.atomic():
        add_vip(home, "198.18.0.102")
        transaction.set_rollback(True)

    add_vip(home, "198.18.0.103")

    assert Vip.objects.count() == 3
    assert _agree(home)


def test_a_removed_subcluster_leaves_git_and_is_not_found_again(home: Subcluster) -> None:
    other = Subcluster.objects.create(name="other")
    with services.change(other, ACTOR):
        pass
    commit({"other/default/motd": "1\n"})
    with transaction.atomic():
        services.remove_subcluster(other, ACTOR)
        transaction.set_rollback(True)
    assert Subcluster.objects.filter(name="other").exists()

    index.follow()

    assert not Subcluster.objects.filter(name="other").exists()
    assert "other/definitions.toml" not in repository().tree(head())
    assert "other/default/motd" in repository().tree(head())


def test_all_rows_can_be_made_anew_from_git(home: Subcluster) -> None:
    add_vip(home, "198.18.0.102")
    commit({"global/motd": "1\n"}, key="k-1")
    names = ("number", "commit", "author", "message", "key")
    before = list(Revision.objects.values_list(*names))
    mine = ("number", "text", "author", "comment")
    history = list(home.revisions.values_list(*mine))
    for rows in (Vip, Node, Topology, Subcluster):
        rows.objects.all().delete()

    call_command("reindex")

    assert list(Revision.objects.values_list(*names)) == before
    restored = Subcluster.objects.get().revisions.values_list(*mine)
    assert list(restored)[1:] == history[1:]
    assert restored[0][:2] == history[0][:2]


def test_a_lost_manager_is_made_anew_from_a_nodes_replica(
    home: Subcluster, repository_directory: Path, tmp_path: Path
) -> None:
    add_vip(home, "198.18.0.102")
    commit({"global/motd": "1\n"}, key="k-1")
    names = ("number", "commit", "author", "email", "message", "at", "key")
    before = list(Revision.objects.values_list(*names))
    definitions = text(DEFINITIONS)
    replica = Repository.create(tmp_path / "config.git")
    newest = repository().head()
    assert newest is not None
    replica.receive(repository().pack_since(None), None, newest.hash)
    for rows in (Revision, Vip, Node, Topology, Subcluster):
        rows.objects.all().delete()
    shutil.rmtree(repository_directory)
    store.forget()

    git(tmp_path, "clone", "--mirror", "--quiet", "config.git", str(repository_directory))
    call_command("reindex")

    assert list(Revision.objects.values_list(*names)) == before
    assert texts.newest_text(Subcluster.objects.get()) == text(DEFINITIONS) == definitions
    assert commit({"global/motd": "2\n"}).head == newest.number + 1
    assert sound(repository_directory)


def test_definitions_of_an_older_muster_are_taken_over(
    home: Subcluster, repository_directory: Path
) -> None:
    shutil.rmtree(repository_directory)
    store.forget()
    Revision.objects.all().delete()
    unchecked(repository(), {"global/motd": b"a colleague was quicker\n"})

    for _ in range(2):
        call_command("reindex")

    assert head() == 2
    assert _agree(home)


def test_a_lost_repository_is_told_and_not_begun_anew(
    home: Subcluster, repository_directory: Path
) -> None:
    known = head()
    repository_directory.rename(repository_directory.with_name("elsewhere.git"))
    store.forget()

    with pytest.raises(index.LostError, match=f"is at r0, and r{known} is known here"):
        commit({"global/motd": "1\n"}, base=0)
    with pytest.raises(services.Refused, match="revisions were lost"):
        add_vip(home, "198.18.0.102")


def test_a_subcluster_cannot_have_the_name_of_the_common_directory() -> None:
    row = Subcluster.objects.create(name="global")

    with (
        pytest.raises(services.Refused, match="cannot be called global"),
        services.change(row, ACTOR),
    ):
        pass


def test_bootstrap_takes_a_directory_once(home: Subcluster, tmp_path: Path) -> None:
    for path in ("README.md", "global/motd", "default/mta1/own"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    (tmp_path / "global/motd").chmod(0o755)

    for _ in range(2):
        call_command("bootstrap", configuration=tmp_path)

    tree = repository().tree(head())
    assert sorted(tree) == ["default/definitions.toml", "default/mta1/own", "global/motd"]
    assert tree["global/motd"].executable
    assert head() == 2


def test_bootstrap_follows_no_links(home: Subcluster, tmp_path: Path) -> None:
    (tmp_path / "global").mkdir()
    (tmp_path / "global/passwd").symlink_to("/etc/passwd")
    (tmp_path / "default").symlink_to("/etc")

    with pytest.raises(CommandError, match="symbolic link") as caught:
        call_command("bootstrap", configuration=tmp_path)
    assert "default" in str(caught.value)
    assert head() == 1
