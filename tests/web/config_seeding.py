"""A configuration as rows and revisions: for tests of pages and for looking at them."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cluster_admin.audit.actor import SYSTEM, Actor
from cluster_admin.configs import directories, services, submitting
from cluster_admin.configs.models import Application, Edit, Replica, Revision
from cluster_admin.configs.store import repository
from cluster_admin.inventory import services as inventory
from cluster_admin.inventory.models import Subcluster
from tests.web import seeding
from workers.repository.core.changes import Entry

SAMPLE = Path(__file__).parents[2] / "fixtures" / "configuration"
TRANSPORT = "global/postfix/transport"
AUTHOR = Actor("olga", via="admin")
Texts = dict[str, str | None]


def defined(nodes: int = 3, name: str = "default", **values: Any) -> seeding.Seeded:
    """A subcluster whose definitions are in the repository: the first revision."""
    made = seeding.cluster(nodes, 3, name, **values)
    keep(name)
    return made


def keep(name: str) -> None:
    """Commit what the rows of a subcluster say."""
    with inventory.change(Subcluster.objects.get(name=name), SYSTEM, f"Define {name}"):
        pass


def commit(changes: Texts, message: str = "A change", base: int | None = None) -> Revision:
    """Commit texts by path (None: deleted)."""
    entries = {p: None if text is None else Entry(text.encode()) for p, text in changes.items()}
    made = services.commit(AUTHOR, entries, message, base=newest() if base is None else base)
    assert made.revision is not None
    return made.revision


def newest() -> int:
    """The newest revision's number."""
    head = repository().head()
    return 0 if head is None else head.number


def sample() -> Revision:
    """The sample tree, committed over definitions."""
    changes = directories.read(SAMPLE)
    made = services.commit(AUTHOR, changes, "Postfix for the three of us", base=newest())
    assert made.revision is not None
    return made.revision


def stand(node: str, live: int, *, ago: float = 2, **values: Any) -> Replica:
    """How a node told that it stands, `ago` seconds back."""
    head = repository().head()
    usual: dict[str, Any] = {
        "subcluster": "default",
        "started_at": "2026-01-01T00:00:00Z",
        "number": head.number if head else 0,
        "commit": head.hash if head else "",
        "heard_at": datetime.now(UTC) - timedelta(seconds=ago),
        "live": live,
        "target": live,
        "autoupdate": "true",
    }
    return Replica.objects.update_or_create(node=node, defaults=usual | values)[0]


def applied(node: str, revision: int, outcome: str = "applied", **values: Any) -> Application:
    """What a node told of one application."""
    usual: dict[str, Any] = {
        "subcluster": "default",
        "at": datetime.now(UTC),
        "sentence": f"r{revision} is applied",
        "seconds": {"stage": 0.012, "validate": 0.08, "reload": 0.05, "check": 0.3},
        "live": revision,
    }
    return Application.objects.create(
        node=node, revision=revision, outcome=outcome, **usual | values
    )


def edit(node: str, path: str, content: bytes | None, live: int) -> None:
    """A file that somebody edited on a node, as it told."""
    values = {"subcluster": "default", "content": content, "live": live}
    at = datetime.now(UTC)
    Edit.objects.update_or_create(node=node, path=path, defaults=values | {"at": at})
    row = Replica.objects.get(node=node)
    kind = "removed" if content is None else "changed"
    drift = [*row.drift, {"path": path, "kind": kind}]
    Replica.objects.filter(node=node).update(drift=drift, drift_count=len(drift))


def configured() -> None:
    """Some history over the cluster of `seeding.stage`, and nodes in different states."""
    keep("default")
    first = sample()
    commit({TRANSPORT: "example.org relay:[10.0.0.9]\nexample.net :\n"}, "Relay example.org")
    size = '{% set message_size_limit = 30720000 %}\n{% set relay_host = "" %}\n'
    commit({"default/mta2/_settings.j2": size}, "mta2 takes larger messages\n\nAsked for by Ines.")
    last = commit({"default/default/postfix/motd": "no tabs here\n"}, "Say hello")
    for node in ("mta1", "mta3"):
        stand(node, last.number)
        applied(node, last.number)
    stand("mta2", first.number)
    sentence = f"r{last.number} was not applied: validate failed: postfix check says no"
    output = "[validate]\npostfix: fatal: /etc/postfix/main.cf: no such thing\n"
    told = {"step": "validate", "sentence": sentence, "output": output, "live": first.number}
    applied("mta2", last.number, "kept", **told)
    edit("mta1", "postfix/transport", b"example.org relay:[10.0.0.7]\nexample.net :\n", last.number)
    edit("mta1", "postfix/motd", None, last.number)


def proposed() -> None:
    """A change by somebody else that waits for another person's word."""
    seeding.user("eve", "editor", "default")
    change = {"default/default/postfix/motd": Entry(b"no tabs here\nbut spaces\n")}
    submitting.propose(
        Actor("eve", via="api"), change, "Say more\n\nIt is asked for.", base=newest()
    )
