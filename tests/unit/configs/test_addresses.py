"""What `--from` may say, and what git gets to see of it."""

from pathlib import Path

import pytest

from cluster_admin.configs.addresses import REPLICA, AddressError, Source, address, sources


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("mta1", f"root@mta1:{REPLICA}"),
        ("mta1.example.net", f"root@mta1.example.net:{REPLICA}"),
        ("admin@mta1", f"admin@mta1:{REPLICA}"),
        ("mta1:/srv/config.git", "mta1:/srv/config.git"),
        ("ssh://admin@mta1:2222/srv/config.git", "ssh://admin@mta1:2222/srv/config.git"),
        ("https://backup.example.net/config.git", "https://backup.example.net/config.git"),
    ],
)
def test_a_word_becomes_an_address(word: str, expected: str) -> None:
    assert address(word) == expected


def test_a_directory_is_one_whatever_it_is_called(tmp_path: Path) -> None:
    place = tmp_path / "a:b c"
    place.mkdir()
    assert address(str(place)) == str(place)


@pytest.mark.parametrize(
    "word",
    [
        *("", "-oProxyCommand=x", "--upload-pack=x", "ext::sh", "fd::7", "mta 1", "mta1:", "a/b"),
        *("-o@mta1", "mta1\n", "ssh://", "ftp://x/y", "-host:/path"),
    ],
)
def test_what_git_could_take_for_something_else_is_refused(word: str) -> None:
    with pytest.raises(AddressError):
        address(word)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AddressError, match="is no directory"):
        address(str(tmp_path / "nothing"))


def test_each_is_asked_once_by_the_path_given() -> None:
    found = sources(["mta2", "mta1", "mta2"], "/srv/x.git")
    assert found == [Source("mta2", "root@mta2:/srv/x.git"), Source("mta1", "root@mta1:/srv/x.git")]
