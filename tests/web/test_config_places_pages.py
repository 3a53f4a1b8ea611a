"""Pages of histories that go on in what a subcluster was copied from."""

import re
from typing import Any

import pytest
from django.test import Client

from cluster_admin.accounts.models import User
from cluster_admin.dashboard.config_history import stretch
from tests.web import config_seeding, seeding
from tests.web.config_seeding import commit, newest

pytestmark = pytest.mark.django_db
OWN, THERE = "staging/default/a", "default/default/a"


@pytest.fixture
def reader() -> User:
    """`staging` was copied from `default`; five revisions, the copy is the third."""
    config_seeding.defined()
    config_seeding.defined(2, "staging", prefix="test", block=8)
    for number in (1, 2):
        commit({THERE: f"{number}\n"}, f"Number {number}")
    commit({OWN: "2\n"}, f"Copy\n\nCopied-from: default@r{newest()}")
    for number in (4, 5):
        commit({OWN: f"{number}\n"}, f"Number {number}")
    return seeding.user()


def paged(user: User, size: int, **query: str) -> list[tuple[str, int]]:
    """Every line of a history, page by page."""
    found: list[tuple[str, int]] = []
    asked: dict[str, Any] = {"path": OWN, **query}
    while True:
        page = stretch(user, asked, size)
        assert len(page["revisions"]) <= size
        found += [(one.path, one.row.number) for one in page["revisions"]]
        if not page["older"]:
            return found
        asked |= {"before": str(page["older"]), "was": page["older_was"] or ""}


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_pages_of_any_size_lead_through_the_copy(reader: User, size: int) -> None:
    last = newest()

    assert paged(reader, size) == [
        *((OWN, last), (OWN, last - 1), (OWN, last - 2)),
        *((THERE, last - 3), (THERE, last - 4)),
    ]
    assert paged(reader, size, q="number") == [
        *((OWN, last), (OWN, last - 1), (THERE, last - 3), (THERE, last - 4))
    ]


def test_lines_say_where_the_file_was(reader: User, client: Client) -> None:
    client.force_login(reader)

    history = client.get(f"/config/?path={OWN}").content.decode()
    file = client.get(f"/config/file/{OWN}/").content.decode()

    for text in (history, file):
        assert len(re.findall(f'as <span class="mono">{THERE}<', text)) == 2
    assert f'href="/config/file/{THERE}/?revision={newest() - 3}"' in file


def test_nothing_is_told_of_what_one_may_not_see(reader: User, client: Client) -> None:
    local = seeding.user("tom", "viewer", "staging")
    client.force_login(local)

    assert [path for path, _ in paged(local, 2)] == [OWN] * 3
    assert paged(local, 2, was=THERE) == []
    assert THERE not in client.get(f"/config/file/{OWN}/").content.decode()
