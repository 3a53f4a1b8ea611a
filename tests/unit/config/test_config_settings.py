"""The table [configuration] of NODE.toml."""

import re
from pathlib import Path

import pytest

from tests.architecture.tree import ROOT
from workers.config.core.applying import Autoupdate
from workers.config.profiles import Command, Nothing, Postfix
from workers.config.settings import COMMON, OWN, Configuration, configuration
from workers.failover.core.toml_text import Problem, load

STATE = Path("/var/lib/muster")


def read(text: str) -> Configuration:
    return configuration(load(text).table("configuration", "configuration"), STATE)


def test_without_the_table_the_tree_is_kept_for_nobody() -> None:
    assert read("") == Configuration(
        repository=STATE / "config.git",
        directory=STATE / "config",
        secrets=STATE / "secrets",
        profile=Nothing(),
        autoupdate=Autoupdate.TRUE,
        save_seconds=300,
    )


def test_everything_can_be_said() -> None:
    found = read(
        """
        [configuration]
        profile = "postfix"
        autoupdate = "ifunchanged"
        directory = "/srv/config"
        secrets = "/srv/secrets"
        save_seconds = 60
        postfix_directory = "/etc/postfix-out"
        subdirectory = "postfix/out"
        address = "198.18.0.11"
        port = 2525
        greeting_seconds = 3
        """
    )

    assert found.profile == Postfix(
        Path("/etc/postfix-out"),
        address="198.18.0.11",
        port=2525,
        greeting_seconds=3,
        subdirectory="postfix/out",
    )
    assert found.autoupdate is Autoupdate.IFUNCHANGED
    assert (found.directory, found.secrets) == (Path("/srv/config"), Path("/srv/secrets"))
    assert found.save_seconds == 60


def test_any_server_by_its_commands() -> None:
    found = read(
        """
        [configuration]
        profile = "command"
        validate = ["/usr/bin/kumod", "--validate", "{tree}"]
        reload = ["/bin/systemctl", "restart", "kumod"]
        limit_seconds = 20
        """
    )

    assert found.profile == Command(
        validate_words=("/usr/bin/kumod", "--validate", "{tree}"),
        reload_words=("/bin/systemctl", "restart", "kumod"),
        limit_seconds=20,
    )


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('profile = "exim"', "profile is 'exim'; write one of nothing, postfix, command"),
        ('autoupdate = "no"', "autoupdate is 'no'; write one of true, ifunchanged, false"),
        ("autoupdate = true", "autoupdate is True; write a text in quotes"),
        ('directory = "config"', "directory is 'config'; write the whole path"),
        ("save_seconds = 0", "save_seconds is 0; write a whole number, 1 to 86400"),
        ('postfix_dir = "/x"', "unknown key postfix_dir"),
        ("port = 25", "unknown key port"),
        ('profile = "command"\nreload = ["systemctl"]', "reload begins with 'systemctl'; write"),
        ('profile = "command"\nreload = "/bin/true"', "reload is '/bin/true'; write a list"),
    ],
)
def test_what_is_wrong_is_said(line: str, why: str) -> None:
    with pytest.raises(Problem) as problem:
        read(f"[configuration]\n{line}\n")

    assert problem.value.sentence.startswith(f"configuration: {why}")


def test_the_reference_lists_every_key() -> None:
    page = (ROOT / "docs" / "reference" / "node.md").read_text()
    listed = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\|([^|]+)\|", page, re.MULTILINE))))

    assert {*COMMON, *(key for keys in OWN.values() for key in keys)} <= listed
