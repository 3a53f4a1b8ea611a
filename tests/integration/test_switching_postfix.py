"""The profile of Postfix with the real Postfix: what it accepts where, and what it lets pass.

Only its tools run, on directories of the test's own; no daemon is started.
"""

import grp
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from workers.config.core.manifests import Drift, DriftKind, Rendered
from workers.config.core.reports import Outcome, Result, Step
from workers.config.profiles import Postfix, unrepeated
from workers.config.switching import Switcher

MASTER = """\
smtp      inet  n  -  n  -  -  smtpd
pickup    unix  n  -  n  60 1  pickup
cleanup   unix  n  -  n  -  0  cleanup
qmgr      unix  n  -  n  300 1 qmgr
rewrite   unix  -  -  n  -  -  trivial-rewrite
postlog   unix-dgram n - n  -  1  postlogd
"""


class Tools(Postfix):
    """The profile where no Postfix runs: reloading and checking ask nobody."""

    __slots__ = ()

    def reload(self, live: Path) -> Result:
        return Result(True)

    def check(self, live: Path) -> Result:
        return Result(True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where a Postfix of the test's own has its queue and data; `etc` leads to the live tree."""
    assert shutil.which("postfix"), "Postfix is not installed: run script/setup --dev"
    tmp_path.chmod(0o755)
    (tmp_path / "spool").mkdir()
    (tmp_path / "data").mkdir()
    os.chown(tmp_path / "data", pwd.getpwnam("postfix").pw_uid, grp.getgrnam("postfix").gr_gid)
    (tmp_path / "etc").symlink_to(tmp_path / "config" / "current")
    return tmp_path


def tree(home: Path, more: str = "", master: str = MASTER) -> Rendered:
    main = f"""\
compatibility_level = 3.6
queue_directory = {home}/spool
data_directory = {home}/data
maillog_file = /dev/stdout
myhostname = mx.test
mydestination =
alias_database =
local_recipient_maps = texthash:${{config_directory}}/people
{more}
"""
    return {
        "main.cf": (main.encode(), False),
        "master.cf": (master.encode(), False),
        "people": (b"somebody x\n", False),
    }


def switcher(home: Path) -> Switcher:
    return Switcher(home / "config", Tools(home / "etc"))


def asked(home: Path, *words: str) -> str:
    """What Postfix's tools answer when they look where Postfix would."""
    done = subprocess.run(
        [words[0], "-c", home / "etc", *words[1:]], capture_output=True, text=True, check=True
    )
    return done.stdout + done.stderr


def test_postfix_reads_its_configuration_through_the_link(home: Path) -> None:
    for revision, name in ((1, "one.test"), (2, "two.test")):
        (report,) = switcher(home).apply(revision, tree(home, f"myorigin = {name}"))
        assert report.outcome is Outcome.APPLIED, report
        assert asked(home, "postconf", "-h", "myorigin") == f"{name}\n"
        assert asked(home, "postconf", "-h", "config_directory") == f"{home}/etc\n"
        found = asked(home, "postmap", "-q", "somebody", f"texthash:{home}/etc/people")
        assert found == "x\n"
    assert "symlink leaves directory" not in asked(home, "postfix", "check")


def test_no_file_is_so_new_that_postfix_waits_for_it(home: Path) -> None:
    (report,) = switcher(home).apply(1, tree(home))
    assert report.outcome is Outcome.APPLIED, report
    seconds = time.time()
    changed = [path.stat().st_mtime for path in (home / "etc").iterdir()]
    assert all(seconds - at > 5 for at in changed)


def test_postconf_that_edits_the_live_tree_is_an_edit(home: Path) -> None:
    switcher(home).apply(1, tree(home))
    asked(home, "postconf", "-e", "myorigin = mine.test")
    assert switcher(home).live()[1] == (Drift("main.cf", DriftKind.CHANGED),)


@pytest.mark.parametrize(
    ("more", "master", "says"),
    [
        ("nonsense", MASTER, "missing '=' after attribute name"),
        ("", MASTER + "smtp bogus n - n - - smtpd\n", "invalid type field"),
        ("", MASTER.replace("postlog ", "#"), "missing 'postlog' service"),
        ("config_directory = /etc/postfix", MASTER, "main.cf sets config_directory"),
        ("password = sesame\nnonsense", MASTER, "missing '='"),
    ],
)
def test_what_postfix_cannot_read_never_goes_live(
    home: Path, more: str, master: str, says: str
) -> None:
    switcher(home).apply(1, tree(home))
    (report,) = switcher(home).apply(2, tree(home, more, master))
    assert (report.outcome, report.step) == (Outcome.KEPT, Step.VALIDATE)
    assert says in report.sentence + report.output
    assert "sesame" not in report.sentence + report.output
    assert report.live_revision == 1


def test_a_tree_without_master_cf_never_goes_live(home: Path) -> None:
    switcher(home).apply(1, tree(home))
    rendered = {"main.cf": tree(home)["main.cf"]}
    assert switcher(home).apply(2, rendered)[-1].outcome is Outcome.KEPT


def test_postfix_lets_a_bad_value_pass_so_that_the_health_check_has_to_find_it(home: Path) -> None:
    (report,) = switcher(home).apply(1, tree(home, "smtpd_recipient_limit = many"))
    assert report.outcome is Outcome.APPLIED


@pytest.mark.parametrize(
    "more",
    [
        *("myhostname = !!", "inet_protocols = ipx", "inet_interfaces = nosuch"),
        *("message_size_limit = many", "compatibility_level = banana"),
        *("hash_queue_depth = many", "hash_queue_depth = 2", "enable_long_queue_ids = maybe"),
        *("mail_owner = nobodyhere", "setgid_group = nogrouphere", "default_privs = nouserhere"),
        *("queue_directory = /nonexistent/x", "data_directory = /nonexistent/x"),
        *("meta_directory = /nonexistent/x", "daemon_directory = /nonexistent/x"),
        *("readme_directory = relative", "sendmail_path = relative", "manpage_directory = no"),
        *("maillog_file_prefixes = /nonexistent", "multi_instance_enable = banana"),
        *("smtpd_tls_security_level = nonsense", "mynetworks = 1.2.3.4/99", "a = $a"),
    ],
)
def test_what_is_left_out_while_the_host_is_the_same_finds_nothing(home: Path, more: str) -> None:
    switcher(home).apply(1, tree(home))
    files = tree(home, more)
    aside = home / "aside"
    aside.mkdir()
    for path, (content, _) in files.items():
        (aside / path).write_bytes(content)
    whole = subprocess.run(["postfix", "-c", aside, "check"], capture_output=True)

    (report,) = switcher(home).apply(2, files)

    assert (report.outcome is Outcome.APPLIED) is (whole.returncode == 0), report


def test_the_host_is_looked_at_when_the_tree_says_something_else_of_it(home: Path) -> None:
    said, program = home / "said", home / "postfix"
    program.write_text(f'#!/bin/sh\necho "$3" >> {said}\nexec /usr/sbin/postfix "$@"\n')
    program.chmod(0o755)
    changing = Switcher(home / "config", Tools(home / "etc", postfix=str(program)))
    for revision, (more, asked_for) in enumerate(
        [
            ("", ["check"]),
            ("myorigin = two.test", ["/bin/true"]),
            ("readme_directory = /nonexistent", ["check"]),
            ("readme_directory = /nonexistent\nmyorigin = two.test", ["/bin/true"]),
            ("readme_directory = /nonexistent\nmyhostname = !!", ["/bin/true", "check"]),
        ],
        start=1,
    ):
        said.write_text("")
        changing.apply(revision, tree(home, more))
        assert said.read_text().split() == asked_for


def test_postfix_may_have_a_directory_of_the_tree_to_itself(home: Path) -> None:
    (home / "etc").unlink()
    (home / "etc").symlink_to(home / "config" / "current" / "postfix")
    profile = Tools(home / "etc", subdirectory="postfix")
    more = "transport_maps = hash:$config_directory/transport"
    files = {f"postfix/{path}": content for path, content in tree(home, more).items()}
    files |= {"postfix/transport": (b"test smtp:[192.0.2.1]\n", False), "other": (b"x", False)}
    (report,) = Switcher(home / "config", profile).apply(1, files)
    assert report.outcome is Outcome.APPLIED, report
    assert asked(home, "postmap", "-q", "test", f"hash:{home}/etc/transport")
    (report,) = Switcher(home / "config", profile).apply(2, {"other": (b"y", False)})
    assert (report.outcome, report.step) == (Outcome.KEPT, Step.VALIDATE)


def test_without_a_running_postfix_the_old_tree_comes_back_and_that_is_loud(home: Path) -> None:
    switcher(home).apply(1, tree(home))
    profile = Postfix(home / "etc", port=1, greeting_seconds=0.5)
    (report,) = Switcher(home / "config", profile).apply(2, tree(home, "myorigin = two.test"))
    assert (report.outcome, report.step) == (Outcome.STRANDED, Step.RELOAD)
    assert "not running" in report.output
    assert report.live_revision == 1
    assert asked(home, "postconf", "-h", "myorigin") == "$myhostname\n"


def test_a_warning_that_comes_often_is_shown_once() -> None:
    assert unrepeated("a\nb\na\na\n") == "a\nb"


def test_maps_that_the_configuration_names_are_compiled_and_belong_to_the_tree(home: Path) -> None:
    more = f"""
virtual_alias_maps = hash:$config_directory/maps/virtual, cidr:$config_directory/nets, hash:/etc/x
transport_maps = proxy:hash:{home}/etc/transport
alias_maps = hash:${{config_directory}}/aliases
"""
    maps = {
        "maps/virtual": (b"a@test b@test\n", False),
        "transport": (b"test smtp:[192.0.2.1]\n", False),
        "aliases": (b"root: somebody\n", False),
        "nets": (b"192.0.2.0/24 OK\n", False),
    }
    (report,) = switcher(home).apply(1, {**tree(home, more), **maps})
    assert report.outcome is Outcome.APPLIED, report
    etc = home / "etc"
    assert sorted(str(path.relative_to(etc)) for path in etc.rglob("*.db")) == [
        "aliases.db",
        "maps/virtual.db",
        "transport.db",
    ]
    assert asked(home, "postmap", "-q", "a@test", f"hash:{etc}/maps/virtual") == "b@test\n"
    assert asked(home, "postalias", "-q", "root", f"hash:{etc}/aliases") == "somebody\n"
    assert switcher(home).live()[1] == ()
    (again,) = switcher(home).apply(2, {**tree(home, more), **maps})
    assert again.outcome is Outcome.UNCHANGED

    asked(home, "postmap", f"hash:{etc}/nets")
    (etc / "transport.db").unlink()
    assert switcher(home).live()[1] == (
        Drift("nets.db", DriftKind.ADDED),
        Drift("transport.db", DriftKind.REMOVED),
    )


def test_a_map_that_cannot_be_compiled_never_goes_live(home: Path) -> None:
    switcher(home).apply(1, tree(home))
    more = "transport_maps = dbm:$config_directory/transport"  # a kind of long ago
    rendered = {**tree(home, more), "transport": (b"test smtp:\n", False)}
    (report,) = switcher(home).apply(2, rendered)
    assert (report.outcome, report.step) == (Outcome.KEPT, Step.STAGE), report
    assert len(list((home / "config" / "trees").iterdir())) == 1
