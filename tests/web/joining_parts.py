"""What the tests of joining share: a manager that may administer a broker, tokens, and joins."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster_admin.inventory import services
from tests.web import seeding
from tests.web.admin_fixtures import ACTOR
from tests.web.api_client import Answer, Api
from tests.web.fake_management import FakeManagement, running

KEY = "ab" * 32
ATTEMPT, OTHER = "0" * 32, "f" * 32
BROKERS = ("amqp://manager:pw@mq1:5672/%2F", "amqp://manager:pw@mq2/%2F")


@contextmanager
def managed(settings: Any, directory: Path) -> Iterator[FakeManagement]:
    """A cluster of three nodes, and a broker that a manager with a key may administer."""
    made = seeding.cluster(3, 6)
    with services.change(made.subcluster, ACTOR):
        """The definitions as they are become a revision."""
    key = directory / "cluster.key"
    key.touch(0o600)
    key.write_text(KEY + "\n")
    settings.MUSTER_KEY_FILE = str(key)
    settings.MUSTER_BROKERS = BROKERS
    settings.MUSTER_PUBLIC_URL = "https://manager.example.net"
    with running() as fake:
        settings.MUSTER_BROKER_MANAGEMENT = (fake.url,)
        yield fake


def administrator() -> Api:
    """An administrator of the subcluster, no more."""
    return Api(seeding.user("anna", "admin", "default"))


def new_token(api: Api, node: str = "mta1", **body: Any) -> str:
    """A token of a node."""
    answer = api.post(f"nodes/{node}/join-token/", body)
    assert answer.status == 201, answer.text
    return str(answer.body["token"])


def join(token: str, attempt: str = ATTEMPT) -> Answer:
    """Show a token, as somebody without an account."""
    return Api().post("join/", {"token": token, "attempt": attempt})
