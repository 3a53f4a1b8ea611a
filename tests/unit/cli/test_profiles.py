"""Whom a command talks to: from options, environment and the profile file, in that order."""

from pathlib import Path
from typing import Any

import pytest

from cluster_admin.cli import profiles
from cluster_admin.cli.errors import Usage
from cluster_admin.cli.profiles import checked_url, resolve

LAB = {"url": "http://lab.test", "token": "of-lab"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    path = tmp_path / "muster" / "profiles.toml"
    profiles.store(path, "default", {"url": "http://default.test", "token": "of-default"})
    profiles.store(path, "lab", LAB)
    return {"MUSTER_CONFIG": str(path)}


@pytest.mark.parametrize(
    ("options", "environment_too", "url", "token"),
    [
        ((None, None, None), {}, "http://default.test", "of-default"),
        (("lab", None, None), {}, "http://lab.test", "of-lab"),
        ((None, None, None), {"MUSTER_PROFILE": "lab"}, "http://lab.test", "of-lab"),
        ((None, None, None), {"MUSTER_URL": "http://x.test"}, "http://x.test", ""),
        ((None, None, None), {"MUSTER_TOKEN": "mine"}, "http://default.test", "mine"),
        (("lab", None, None), {"MUSTER_URL": "http://x.test"}, "http://lab.test", "of-lab"),
        (("lab", None, None), {"MUSTER_TOKEN": "mine"}, "http://lab.test", "of-lab"),
        ((None, "http://x.test", None), {}, "http://x.test", ""),
        ((None, "http://default.test/", None), {}, "http://default.test", "of-default"),
        (("lab", "http://x.test", "t"), {}, "http://x.test", "t"),
    ],
)
def test_the_stronger_wins_and_a_token_stays_with_its_url(
    options: tuple[str | None, str | None, str | None],
    environment_too: dict[str, str],
    url: str,
    token: str,
    environment: dict[str, str],
) -> None:
    target = resolve(*options, {**environment, **environment_too})

    assert (target.url, target.token) == (url, token)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://m.test", "https://m.test"),
        ("https://m.test/", "https://m.test"),
        ("https://m.test:8443/api/v1/", "https://m.test:8443"),
        ("https://m.test/muster/", "https://m.test/muster"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_an_address_has_one_form(written: str, url: str) -> None:
    assert checked_url(written) == url


@pytest.mark.parametrize(
    "written", ["m.test", "file:///etc", "http://", "http://a:b", "http://a b", "http://u:p@m.test"]
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(Usage):
        checked_url(written)


def test_a_profile_survives_the_file_and_others_stay(environment: dict[str, str]) -> None:
    path = Path(environment["MUSTER_CONFIG"])
    odd = {"url": 'http://x.test/"\\\x7f\n', "token": "é"}

    profiles.store(path, "odd", odd)
    profiles.store(path, "default", None)

    assert profiles.read(path) == {"lab": LAB, "odd": odd}


def test_the_file_is_its_owners_alone(environment: dict[str, str]) -> None:
    path = Path(environment["MUSTER_CONFIG"])

    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [each.name for each in path.parent.iterdir()] == ["profiles.toml"]


def test_what_cannot_be_written_leaves_no_token_behind(tmp_path: Path) -> None:
    with pytest.raises(UnicodeEncodeError):
        profiles._replace(tmp_path / "profiles.toml", "\ud800")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["nonsense", "[a]\nurl = 1\n", "a = 1\n", b"\xff".decode("latin-1") + "\x00"]
)
def test_a_broken_file_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "profiles.toml"
    path.write_text(text)

    with pytest.raises(Usage, match=r"profiles\.toml"):
        profiles.read(path)


def test_where_the_file_is(tmp_path: Path) -> None:
    def place(**environment: Any) -> str:
        return str(profiles.config_path(environment))

    assert place(HOME="/home/x") == "/home/x/.config/muster/profiles.toml"
    assert place(HOME="/home/x", XDG_CONFIG_HOME="/c") == "/c/muster/profiles.toml"
    assert place(MUSTER_CONFIG="/x.toml") == "/x.toml"


@pytest.mark.parametrize(
    ("url", "travels_open"),
    [("http://m.test", True), ("https://m.test", False), ("http://127.0.0.1:8000", False)],
)
def test_what_others_could_read_on_the_wire(url: str, travels_open: bool) -> None:
    assert profiles.travels_open(url) is travels_open
