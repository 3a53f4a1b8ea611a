"""What is typed beside `muster config`: names of files, messages, words of other programs."""

import os
from pathlib import Path

import pytest

from cluster_admin.cli import config_messages
from cluster_admin.cli.config_copies import WorkingCopy
from cluster_admin.cli.config_files import scan
from cluster_admin.cli.config_options import Committing
from cluster_admin.cli.config_sites import directory_of, paths_in
from cluster_admin.cli.config_states import State
from cluster_admin.cli.errors import Cancelled, Complaint, Usage
from cluster_admin.cli.surroundings import Surroundings
from tests.unit.cli.manager import Manager
from tests.unit.cli.operator import Operator
from workers.exit_codes import Exit
from workers.repository.core.merge import Version
from workers.repository.core.messages import MESSAGE_BYTES

HERE = Surroundings(environment={}, asks=True, shows=True)
SCRIPT = Surroundings(environment={}, asks=False, shows=False)


@pytest.fixture
def copy(tmp_path: Path) -> WorkingCopy:
    made = WorkingCopy.made(tmp_path / "copy", State(url="http://manager.test"))
    made.state.files["global/gone/a"] = Version("a" * 40)
    (made.root / "global").mkdir()
    (made.root / "global/there").write_text("x\n")
    return made


def test_what_is_here_or_was_in_the_base_can_be_named(copy: WorkingCopy) -> None:
    words = ["global/there", "global", ".", "global/gone/a", "global/gone", f"{copy.root}/global"]

    found = paths_in(copy, str(copy.root), words)

    assert found == ["global/there", "global", "", "global/gone/a", "global/gone", "global"]


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("", "names no file"),
        ("global/none", "global/none is neither here nor in r0"),
        ("global/gone/b", "neither here"),
        ("a\x1b[31m", r"a\\x1b\[31m is neither"),
        ("../x", "outside of the working copy"),
        ("/etc/passwd", "outside of the working copy"),
        (".muster/state.json", "the working copy's own"),
        (".muster", "the working copy's own"),
    ],
)
def test_what_names_nothing_is_refused_before_the_rest_is_done(
    copy: WorkingCopy, word: str, sentence: str
) -> None:
    with pytest.raises(Usage, match=sentence):
        paths_in(copy, str(copy.root), ["global/there", word])


def test_a_directory_that_was_removed_is_said(tmp_path: Path) -> None:
    before, gone = os.getcwd(), tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()
    try:
        with pytest.raises(Usage, match="was removed"):
            directory_of(None)
    finally:
        os.chdir(before)


def test_a_name_in_another_encoding_has_one_reason(copy: WorkingCopy) -> None:
    Path(os.fsdecode(os.fsencode(copy.root) + b"/global/n\xff")).write_text("x")

    assert scan(copy.root).others == {"global/n\\xff": "has a name that is not UTF-8"}


def test_a_message_comes_from_words_or_a_file(tmp_path: Path) -> None:
    place = tmp_path / "message"
    place.write_text("Smaller\n\nbecause of ünicode\n")

    assert config_messages.written(Committing(message="a"), None, SCRIPT) == "a"
    assert config_messages.written(Committing(), str(place), SCRIPT) == place.read_text()
    assert config_messages.written(Committing(dry_run=True), None, SCRIPT)
    assert config_messages.written(Committing(), None, HERE) == "", "it is asked for"


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_message_is_none(tmp_path: Path, text: str) -> None:
    place = tmp_path / "message"
    place.write_text(text)

    for how, file in ((Committing(message=text), None), (Committing(), str(place))):
        with pytest.raises(Usage, match="the message is empty"):
            config_messages.written(how, file, HERE)
    with pytest.raises(Usage, match="say what the change is for"):
        config_messages.written(Committing(), None, SCRIPT)


def test_a_message_that_cannot_be_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "message"
    for content, sentence in (
        (b"x" * 1024 * 1024, "longer than"),
        (b"\xff", "not UTF-8"),
    ):
        place.write_bytes(content)
        with pytest.raises(Usage, match=sentence):
            config_messages.written(Committing(), str(place), SCRIPT)
    with pytest.raises(Usage, match="No such file"):
        config_messages.written(Committing(), str(tmp_path / "none"), SCRIPT)
    with pytest.raises(Usage, match="Is a directory"):
        config_messages.written(Committing(), str(tmp_path), SCRIPT)
    with pytest.raises(Usage, match="longer than"):
        config_messages.written(Committing(message="ü" * MESSAGE_BYTES), None, SCRIPT)
    with pytest.raises(Usage, match="say the message once"):
        config_messages.written(Committing(message="a"), str(place), SCRIPT)


def _editor(script: str) -> Surroundings:
    return Surroundings(environment={"EDITOR": f"sh -c '{script}' -"}, asks=True, shows=True)


def test_a_message_is_written_in_the_editor_over_what_is_committed(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    around = _editor(
        f'cp "$0" {seen}; printf "Less\\n\\n# no\\nmemory\\n" > "$0"'.replace("$0", "$1")
    )

    assert config_messages.asked(around, ["global/a", "global/\x1bb"]) == "Less\n\nmemory"
    assert "# global/a\n# global/\\x1bb\n" in seen.read_text()


def test_without_a_message_from_the_editor_nothing_is_committed() -> None:
    for script in ("true", "exit 1"):
        with pytest.raises(Cancelled, match="nothing was committed"):
            config_messages.asked(_editor(script), ["global/a"])
    for editor in ("/no/such/editor", "a ' quote"):
        with pytest.raises(Complaint, match="set EDITOR"):
            config_messages.asked(Surroundings(environment={"EDITOR": editor}), ["global/a"])


@pytest.mark.parametrize(
    ("word", "way"),
    [("add", "--add-all"), ("push", "muster config deploy"), ("cat", "muster config show")],
)
def test_words_of_other_programs_are_answered_with_ours(
    tmp_path: Path, word: str, way: str
) -> None:
    done = Operator(Manager(), tmp_path).types(f"muster config {word} x")

    assert done.exit_code == Exit.USAGE
    assert way in " ".join(done.stderr.replace("│", " ").split())
