"""`muster subcluster copy|promote|list` and `muster config log` against the real API."""

import json
import re
from pathlib import Path

import pytest

from cluster_admin.configs.models import Replica
from cluster_admin.configs.store import repository
from cluster_admin.inventory.models import Node, NodeStatus
from tests.web.api_client import administrator
from tests.web.config_stage import commit, head, subcluster, text
from tests.web.shell import Shell
from workers.exit_codes import Exit

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    subcluster()
    subcluster("staging", "198.18.1", "test")
    commit({"staging/default/a": "1\n", "default/default/old": "0\n"})
    return Shell(tmp_path, administrator().secret)


def test_a_promotion_is_looked_at_and_made(shell: Shell) -> None:
    tried = shell.types("muster subcluster promote staging default --dry-run")
    made = shell.types("muster subcluster promote staging default -m 'Release 12' -o json")

    assert tried.exit_code == Exit.CHANGES_PENDING
    assert "=== in the repository\n--- /dev/null\n+++ b/default/default/a\n" in tried.stdout
    assert re.search(r"=== mta1.*\n--- /dev/null\n\+\+\+ b/a\n", tried.stdout)
    assert made.exit_code == Exit.OK
    assert json.loads(made.stdout)[0]["message"] == "Release 12"
    assert "default/default/old" not in repository().tree(head())


def test_an_older_state_and_settings_are_promoted(shell: Shell) -> None:
    tested = head()
    commit({"staging/default/a": "2\n"})

    done = shell.types(f"muster subcluster promote staging default -r {tested} --settings")

    assert done.exit_code == Exit.OK
    assert text("default/default/a") == "1\n"


def test_a_copy_is_made_and_its_files_have_their_history(shell: Shell) -> None:
    first = head()
    tried = shell.types("muster subcluster copy staging trial --dry-run")
    made = shell.types("muster subcluster copy staging trial --history --no-settings")
    log = shell.types("muster config log trial/default/a --limit 0")
    rows = json.loads(shell.types("muster config log trial/default/a -o json").stdout)
    newest = shell.types("muster config log trial/default/a --limit 1")

    assert tried.exit_code == Exit.CHANGES_PENDING
    assert "+++ b/trial/default/a" in tried.stdout
    assert "no node's tree would change" in tried.stderr
    assert made.exit_code == Exit.OK
    assert "PATH" in log.stdout.splitlines()[0]
    assert "staging/default/a" in log.stdout.splitlines()[2]
    assert [(one["path"], one["number"]) for one in rows] == [
        *(("trial/default/a", first + 1), ("staging/default/a", first))
    ]
    assert "the newest 1; --limit 0 shows all" in newest.stderr
    assert "PATH" not in newest.stdout


def test_refusals_say_what_to_do(shell: Shell) -> None:
    known = shell.types("muster subcluster copy staging default")
    same = shell.types("muster subcluster promote staging staging")

    assert (known.exit_code, same.exit_code) == (Exit.REFUSED, Exit.REFUSED)
    assert "muster subcluster promote staging default" in known.stderr
    assert "name two subclusters" in same.stderr


def test_subclusters_are_listed_with_their_configuration(shell: Shell) -> None:
    done = shell.types("muster subcluster list")

    lines = [line.split() for line in done.stdout.splitlines()]
    assert lines[0][:6] == ["NAME", "REVISION", "NODES", "VIPS", "FILES", "DEPLOYED"]
    assert lines[1][:7] == ["default", "1", "2", "1", "1", f"r{head()},", "follows"]


def test_only_the_promoted_subclusters_nodes_are_waited_for(shell: Shell) -> None:
    for name, home, live in (("mta1", "default", 10), ("test1", "staging", 1)):
        NodeStatus.objects.create(node=Node.objects.get(name=name), verdict="alive")
        Replica.objects.create(node=name, subcluster=home, live=live, autoupdate="true")

    done = shell.types("muster subcluster promote staging default --wait --timeout 5")
    late = shell.types("muster config revert 3 --wait --timeout 5")

    assert done.exit_code == Exit.OK
    assert late.exit_code == Exit.UNKNOWN
    assert "test1 runs r1" in late.stderr
