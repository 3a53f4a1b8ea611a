"""The files that a source's path or pattern means."""

from pathlib import Path

import pytest

from workers.logs.matching import MATCHES_MAX, matches, names


def test_a_path_is_meant_whether_it_is_there_or_not() -> None:
    assert matches("/nowhere/mail.log") == (["/nowhere/mail.log"], 0)


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        (["mail.log", "mail.log.1", "mail.log-20260101.gz"], ["mail.log"]),
        (["a.log", "a.log.1", "a2.log", "ab.log.1"], ["a.log", "a2.log", "ab.log.1"]),
        (["app", "app-1", "app-1.2", "apple"], ["app", "apple"]),
    ],
)
def test_a_rotated_file_is_no_log_beside_the_log_it_was(
    tmp_path: Path, there: list[str], expected: list[str]
) -> None:
    for name in there:
        (tmp_path / name).touch()
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / there[0])

    assert matches(f"{tmp_path}/*") == ([f"{tmp_path}/{name}" for name in expected], 0)


def test_too_many_are_counted(tmp_path: Path) -> None:
    for number in range(MATCHES_MAX + 3):
        (tmp_path / f"{number:04}").touch()
    found, over = matches(f"{tmp_path}/*")

    assert (len(found), over) == (MATCHES_MAX, 3)


def test_what_a_pattern_may_mean() -> None:
    assert names("/var/log/*.log", "/var/log/mail.log")
    assert names("/var/log/mail.log", "/var/log/mail.log")
    assert not names("/var/log/*.log", "/srv/mail.log")
