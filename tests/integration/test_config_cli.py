"""`muster config` against a real manager over a real socket: every command, in every format.

The manager is uvicorn with SQLite and a repository of its own on loopback; nodes are rows.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.managing import Manager
from tests.integration.test_cli import FORMATS, MUSTER, Shell

MAIN = "global/postfix/main.cf"
LINES = "".join(f"setting_{number} = {number}\n" for number in range(20))
HEARD = """
from cluster_admin.configs.models import Edit, Replica
Replica.objects.update_or_create(node="mta1", defaults={
    "subcluster": "default", "started_at": "x", "sequence": 1, "number": 2, "commit": "0" * 40,
    "heard_at": timezone.now(), "live": 2, "live_hash": "", "target": 2, "busy": False,
    "drift": [{"path": "postfix/main.cf", "kind": "changed"}], "drift_count": 1,
    "autoupdate": "true"})
Edit.objects.update_or_create(node="mta1", path="postfix/main.cf", defaults={
    "subcluster": "default", "content": b"edited = on the node\\n", "live": 2,
    "at": timezone.now(), "executable": False})
"""
LOOKS = [
    "ls",
    "ls global --revision 2",
    "log",
    f"log {MAIN} --limit 1",
    "log --before 2",
    "show 2",
    f"show 2 {MAIN}",
    "diff --from 0 --to 2",
    f"diff --from 1 --to 2 {MAIN}",
    "diff --from 0 --to 2 --node mta1",
    "render mta1",
    "render mta1 postfix/main.cf --revision 2",
    "replicas",
    "replicas --filter subcluster=default",
    "drift",
    "drift mta1",
    "deploy",
    "deploy default",
]


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Manager]:
    manager = Manager.laid_down(tmp_path_factory.mktemp("manager"))
    try:
        manager.start()
        yield manager
    finally:
        manager.kill()


class Desk(Shell):
    """Somebody who is logged in and stands in a working copy."""

    def __init__(self, home: Path, url: str) -> None:
        home.mkdir(exist_ok=True)
        super().__init__(home, url)
        self.copy = home / "copy"

    def does(self, command: str, exit_code: int = 0) -> Any:
        """Type a command of the working copy; what it left behind."""
        done = self.types(f"config {command} -C {self.copy}")
        assert done.exit_code == exit_code, (command, done.stdout, done.stderr, done.exception)
        return done

    def init(self) -> "Desk":
        assert self.types(f"config init {self.copy}").exit_code == 0
        return self

    def write(self, path: str, text: str) -> Path:
        place = self.copy / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def commit(self, words: str = "--add-all --delete-all") -> int:
        """The number of the revision."""
        done = self.does(f"commit -m change -o json {words}")
        return int(json.loads(done.stdout)[0]["revision"])


@pytest.fixture(scope="module")
def first(manager: Manager, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """Who made the first revisions."""
    desk = Desk(tmp_path_factory.mktemp("first"), manager.url).init()
    desk.write(MAIN, LINES)
    desk.write("default/mta1/name", "mta1\n")
    assert desk.commit() == 2
    return desk


@pytest.fixture
def ann(first: Desk, manager: Manager, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "ann", manager.url).init()


@pytest.fixture
def bob(first: Desk, manager: Manager, tmp_path: Path) -> Desk:
    return Desk(tmp_path / "bob", manager.url).init()


@pytest.mark.parametrize("command", LOOKS)
def test_a_look_in_every_format(command: str, first: Desk, manager: Manager) -> None:
    manager.code(HEARD)
    for shape, read in FORMATS.items():
        done = first.types(f"config {command} -o {shape}")
        assert done.exit_code == 0, (shape, done.stderr, done.exception)
        assert read(done.stdout), shape


def test_a_damaged_replica_is_seen(first: Desk, manager: Manager) -> None:
    manager.code(HEARD)
    sentence = "config.git is damaged: error in tree 5f0c: missing blob"
    manager.code(f"""
from cluster_admin.configs.models import Replica
Replica.objects.filter(node="mta1").update(trouble={sentence!r})
""")

    assert sentence in first.types("config replicas").stdout


def test_a_file_of_a_revision_or_of_a_node_comes_to_the_letter(first: Desk) -> None:
    for command in (f"show 2 {MAIN}", "render mta1 postfix/main.cf --revision 2"):
        assert first.types(f"config {command}").stdout == LINES


def test_files_of_a_revision_are_listed_by_path(first: Desk) -> None:
    rows = json.loads(first.types("config ls --revision 2 -o json --columns path").stdout)

    paths = [row["path"] for row in rows]
    assert paths == sorted(paths)
    assert {MAIN, "default/mta1/name"} <= set(paths)
    assert first.types("config ls nowhere").exit_code == 3


def test_a_word_that_names_nothing_keeps_all_from_being_committed(ann: Desk) -> None:
    ann.write(MAIN, LINES + "more = 1\n")

    for words in (f"{MAIN} global/typo", "''"):
        refused = ann.does(f"commit {words} -m wrong", 2)
        assert "names no file" in refused.stderr or "neither here" in refused.stderr
    assert json.loads(ann.does("status -o json").stdout) == [
        {"path": MAIN, "state": "changed", "detail": ""}
    ]


def test_a_change_is_seen_committed_and_pulled_by_others(ann: Desk, bob: Desk) -> None:
    ann.write(MAIN, LINES.replace("setting_3 = 3", "setting_3 = 30"))
    ann.write("global/new", "new\n")

    status = json.loads(ann.does("status -o json").stdout)
    diff = ann.does("diff").stdout
    tried = ann.does("commit -m try --add-all --dry-run", 10)
    number = ann.commit()
    pulled = json.loads(bob.does("pull -o json").stdout)

    assert {row["path"]: row["state"] for row in status} == {MAIN: "changed", "global/new": "new"}
    assert "-setting_3 = 3\n+setting_3 = 30\n" in diff
    assert "=== mta1" in tried.stdout
    assert "+setting_3 = 30" in tried.stdout
    assert {MAIN, "global/new"} <= {row["path"] for row in pulled}
    assert (bob.copy / "global/new").read_text() == "new\n"
    assert json.loads(bob.types("config log global/new -o json").stdout)[0]["number"] == number
    assert bob.types(f"config revert {number}").exit_code == 0


def test_changes_in_every_format(ann: Desk, bob: Desk, tmp_path: Path) -> None:
    for shape, read in FORMATS.items():
        ann.write(MAIN, f"{LINES}shape = {shape}\n")
        for command in ("status", "diff", "commit -m shape --dry-run", "commit -m shape"):
            code = 10 if "--dry-run" in command else 0
            assert read(ann.does(f"{command} -o {shape}", code).stdout), command
        for command in ("pull --dry-run", "pull"):
            code = 10 if "--dry-run" in command else 0
            assert read(bob.does(f"{command} -o {shape}", code).stdout), command
        made = bob.types(f"config init {tmp_path / shape} -o {shape}")
        assert read(made.stdout), made.stderr
    ann.write(MAIN, LINES)
    ann.commit()


def test_two_who_changed_the_same_file_lose_nothing(ann: Desk, bob: Desk) -> None:
    ann.does("pull")
    bob.does("pull")
    text = (ann.copy / MAIN).read_text()
    ann.write(MAIN, f"# ann\n{text}")
    bob.write(MAIN, f"{text}# bob\n")
    ann.commit()

    merged = json.loads(bob.does("pull -o json").stdout)
    bob.commit()
    ann.does("pull")
    ann.write(MAIN, "ann = alone\n")
    bob.write(MAIN, "bob = alone\n")
    ann.commit()
    refused = bob.does("commit -m late", 3)
    unsaid = bob.does("pull", 3)
    manual = bob.does("pull --manual")
    sides = {side: (bob.copy / f"{MAIN}.{side}").read_text() for side in ("mine", "theirs", "base")}
    blocked = bob.does("commit -m early", 3)
    bob.write(MAIN, "ann = alone\nbob = alone\n")
    bob.does(f"resolve {bob.copy / MAIN}")
    bob.commit()
    ann.does("pull")

    assert merged == [{"path": MAIN, "outcome": "merged"}]
    assert MAIN in refused.stderr
    assert "--mine, --theirs or --manual" in unsaid.stderr
    assert "muster config resolve" in manual.stderr
    assert sides["mine"] == "bob = alone\n"
    assert sides["theirs"] == "ann = alone\n"
    assert sides["base"].startswith("# ann")
    assert "muster config resolve" in blocked.stderr
    assert (ann.copy / MAIN).read_text() == "ann = alone\nbob = alone\n"
    assert not list(bob.copy.rglob("*.mine"))
    ann.write(MAIN, LINES)
    ann.commit()


def test_what_nodes_cannot_take_is_refused_with_file_and_line(ann: Desk) -> None:
    ann.write("global/bad.j2", "fine\n{{ no_such_name }}\n")

    refused = ann.does("commit -m bad --add-all", 3)

    assert "global/bad.j2:2: " in refused.stderr
    assert "(for mta1)" in refused.stderr
    assert json.loads(ann.does("status -o json").stdout)[0]["path"] == "global/bad.j2"


def test_directories_are_cloned_and_overlaid_and_revisions_taken_back(ann: Desk) -> None:
    ann.write("default/mta2/extra", "only there\n")
    ann.commit()

    tried = ann.types("config clone default/mta1 default/mta2 --dry-run -o json")
    overlaid = ann.types("config overlay default/mta1 default/mta2 -m overlay -o json")
    ann.does("pull")
    both = sorted(place.name for place in (ann.copy / "default/mta2").iterdir())
    cloned = ann.types("config clone default/mta1 default/mta2 -o json")
    ann.does("pull")
    one = sorted(place.name for place in (ann.copy / "default/mta2").iterdir())
    number = json.loads(cloned.stdout)[0]["revision"]
    reverted = ann.types(f"config revert {number} -o json")
    ann.does("pull")

    assert tried.exit_code == 10
    assert "mta2" in json.loads(tried.stdout)["nodes"]
    assert json.loads(overlaid.stdout)[0]["message"] == "overlay"
    assert (both, one) == (["extra", "name"], ["name"])
    assert reverted.exit_code == 0, reverted.stderr
    assert (ann.copy / "default/mta2/extra").read_text() == "only there\n"


def test_edits_of_a_node_are_seen_and_put(ann: Desk, manager: Manager) -> None:
    manager.code(HEARD)

    drift = ann.types("config drift mta1")
    put = ann.types("config put mta1 postfix/main.cf -o json")
    ann.does("pull")

    assert "+edited = on the node" in drift.stdout, drift.stderr
    assert put.exit_code == 0, put.stderr
    assert (ann.copy / "default/mta1/postfix/main.cf").read_text() == "edited = on the node\n"


def test_deployments_are_said_and_shown(first: Desk) -> None:
    tried = first.types("config deploy default 2 --dry-run")
    done = first.types("config deploy default 2 -o json --no-wait")
    shown = json.loads(first.types("config deploy default -o json").stdout)
    wrong = first.types("config deploy default 2 --follow")
    follow = first.types("config deploy default --follow -o json")

    assert tried.exit_code == 10
    assert json.loads(done.stdout)[0]["outcome"] == "done"
    assert [(row["mode"], row["revision"]) for row in shown] == [("manual", 2)]
    assert wrong.exit_code == 2
    assert json.loads(follow.stdout)[0]["object"]["mode"] == "follow"


def test_what_was_changed_here_is_given_up_by_name(ann: Desk) -> None:
    before = (ann.copy / MAIN).read_bytes()
    ann.write(MAIN, "wrong\n")
    (ann.copy / "default/mta1/name").unlink()
    ann.write("global/new", "kept\n")

    unsaid = ann.does(f"restore {ann.copy}", 2)
    done = ann.does(f"restore {ann.copy} --yes -o json")

    assert "--yes" in unsaid.stderr
    assert {row["path"] for row in json.loads(done.stdout)} == {MAIN, "default/mta1/name"}
    assert (ann.copy / MAIN).read_bytes() == before
    assert (ann.copy / "default/mta1/name").read_text() == "mta1\n"
    assert [row["path"] for row in json.loads(ann.does("status -o json").stdout)] == ["global/new"]


def test_nodes_are_awaited_by_what_they_run(ann: Desk, manager: Manager) -> None:
    manager.code(HEARD)
    ann.write("global/awaited", "1\n")

    late = ann.does("commit -m wait --add-all --wait --timeout 0.3", 6)
    there = ann.types("config deploy default 2 --timeout 20 --wait")
    other = ann.types("config deploy default 1 --timeout 0.3 --wait")
    back = ann.types("config deploy default --follow")

    assert "mta1 runs r2, not r" in late.stderr
    assert json.loads(ann.does("status -o json").stdout) == []
    assert there.exit_code == 0, there.stderr
    assert other.exit_code == 6, other.stderr
    assert back.exit_code == 0, back.stderr


def test_definitions_are_files_like_others_and_come_back_as_they_are_kept(
    ann: Desk, bob: Desk
) -> None:
    path = "default/definitions.toml"
    text = (ann.copy / path).read_text()
    ann.write(path, f"# a remark that is not kept\n{text}".replace("weight = 2", "weight = 3"))
    bob.write(path, text.replace("weight = 2", "weight = two"))

    ann.commit()
    refused = bob.does("commit -m bad", 3)

    kept = ann.types("subcluster definitions default").stdout
    assert "weight = 3" in kept
    assert (ann.copy / path).read_text() == kept
    assert json.loads(ann.does("status -o json").stdout) == []
    assert path in refused.stderr
    assert "weight = two" in (bob.copy / path).read_text()


def test_a_part_of_the_tree_is_a_working_copy_too(first: Desk, tmp_path: Path) -> None:
    part = tmp_path / "part"

    made = first.types(f"config init {part} --under default/mta1 --under global/none -o json")
    (part / "global").mkdir()
    (part / "global/x").write_text("outside\n")
    refused = first.types(f"config commit -m x --add-all -C {part}")

    assert made.exit_code == 0, made.stderr
    assert {str(place.relative_to(part)) for place in part.glob("*/*/*")} >= {"default/mta1/name"}
    assert not (part / "global/postfix").exists()
    assert refused.exit_code == 3
    assert "global/x is outside of what this working copy has" in refused.stderr


@pytest.mark.parametrize(
    ("command", "exit_code", "says"),
    [
        ("config status -C /", 2, "muster config init"),
        ("config pull --mine --theirs -C {copy}", 2, "--mine, --theirs"),
        ("config commit -C {copy}", 2, "--message"),
        ("config commit -m empty -C {copy}", 3, "nothing to commit"),
        ("config commit ../x -m x -C {copy}", 2, "outside of the working copy"),
        ("config commit /etc/passwd -m x -C {copy}", 2, "outside of the working copy"),
        ("config pull -r 9999 -C {copy}", 3, "r9999"),
        ("config resolve -C {copy}", 2, "there is none"),
        ("config resolve global -C {copy}", 3, "no conflict at global"),
        ("config init {copy}", 3, "is a working copy already"),
        ("config init {copy}/sub", 3, "is a working copy already"),
        ("config init /proc/none/x", 1, "/proc/none"),
        ("config init {copy}-2 --under ../x", 2, "has . or .. as a name"),
        ("config init {copy}-2 --url http://127.0.0.1:1", 4, "127.0.0.1:1"),
        ("config restore global -C {copy}", 3, "nothing was changed at global"),
        ("config show 9999", 3, "r9999"),
        ("config show 2 global/none", 3, "global/none"),
        ("config revert 9999", 3, "no such revision"),
        ("config clone global/none default/mta1", 3, "global/none"),
        ("config clone global ../x", 3, "x"),
        ("config render nobody", 3, "nobody"),
        ("config drift nobody", 3, "nobody"),
        ("config put mta2", 3, "no edits are known"),
        ("config deploy default 9999 --no-wait", 3, "9999"),
        ("config deploy nobody 1 --no-wait", 3, "nobody"),
        ("config apply mta1 2 --over-edits", 2, "--yes"),
        ("config diff --from 1 --to 2 a b", 2, "one file or directory"),
    ],
)
def test_a_refusal_names_the_thing(command: str, exit_code: int, says: str, first: Desk) -> None:
    before = len(json.loads(first.types("config log --limit 0 -o json").stdout))

    done = first.types(command.format(copy=first.copy))

    assert done.exit_code == exit_code, (done.stderr, done.stdout)
    assert says in done.stderr
    assert done.stdout == ""
    assert len(json.loads(first.types("config log --limit 0 -o json").stdout)) == before
    assert not Path(f"{first.copy}-2").exists()


def test_a_token_goes_to_no_manager_that_a_directory_names(ann: Desk) -> None:
    state = ann.copy / ".muster" / "state.json"
    state.write_text(state.read_text().replace("127.0.0.1:", "localhost:"))

    refused = ann.does("pull", 2)

    assert "muster login http://localhost:" in refused.stderr
    assert ann.does("status").exit_code == 0


def test_a_thousand_files_come_at_once(ann: Desk, bob: Desk) -> None:
    for number in range(1_000):
        ann.write(f"global/many/{number % 10}/{number}", f"{number}\n" * 50)
    (ann.copy / "global/many/binary").write_bytes(os.urandom(300_000))
    (ann.copy / "global/many/binary").chmod(0o755)
    ann.commit()

    bob.does("pull")

    assert (bob.copy / "global/many/7/7").read_text() == "7\n" * 50
    binary = bob.copy / "global/many/binary"
    assert binary.read_bytes() == (ann.copy / "global/many/binary").read_bytes()
    assert binary.stat().st_mode & 0o111
    assert json.loads(bob.does("status -o json").stdout) == []
    for place in (ann.copy / "global/many").rglob("*"):
        if place.is_file():
            place.unlink()
    ann.commit()


def test_a_real_process_is_killed_in_the_middle_and_goes_on(ann: Desk, bob: Desk) -> None:
    bob.write(MAIN, LINES + "bob = 1\n")
    for number in range(300):
        ann.write(f"global/load/{number}", f"{number}\n")
    ann.write(MAIN, "ann = 1\n" + LINES)
    ann.commit()
    words = [MUSTER, "config", "pull", "-C", str(bob.copy)]
    for pause in (0.35, 0.5, 0.6, 0.7, 0.8):
        with subprocess.Popen(words, env=bob.environment, stderr=subprocess.DEVNULL) as process:
            time.sleep(pause)
            process.send_signal(signal.SIGKILL)
        assert "bob = 1\n" in (bob.copy / MAIN).read_text()

    bob.does("pull")

    assert (bob.copy / MAIN).read_text() == "ann = 1\n" + LINES + "bob = 1\n"
    assert (bob.copy / "global/load/299").read_text() == "299\n"
    assert [row["path"] for row in json.loads(bob.does("status -o json").stdout)] == [MAIN]


def test_completion_offers_revisions(first: Desk) -> None:
    live = {"_MUSTER_COMPLETE": "complete_bash", "COMP_CWORD": "3"}

    code, shown, complaint = first.runs("", COMP_WORDS="muster config show ", **live)

    assert (code, complaint) == (0, "")
    assert {"1", "2"} <= set(shown.split())
