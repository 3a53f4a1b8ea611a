"""What tests of the configuration share: a small subcluster, and commits in one line."""

from collections.abc import Mapping
from typing import Any

from cluster_admin.audit.actor import Actor
from cluster_admin.configs import services as configs
from cluster_admin.configs.store import repository
from cluster_admin.inventory import services
from cluster_admin.inventory.models import Node, Subcluster, Topology
from cluster_admin.vips.models import Vip
from workers.repository.core.changes import Entry

ACTOR = Actor("ann", source="192.0.2.7", token="laptop", via="api")  # noqa: S106 - a name
DEFINITIONS = "default/definitions.toml"


def subcluster(name: str = "default", net: str = "198.18.0", nodes: str = "mta") -> Subcluster:
    """Two nodes and a VIP."""
    made = Subcluster.objects.create(name=name)
    with services.change(made, ACTOR, f"begin {name}"):
        for row in (
            Topology(subcluster=made, cidr=f"{net}.0/24", interface="eth0"),
            Node(subcluster=made, name=f"{nodes}1", address=f"{net}.11"),
            Node(subcluster=made, name=f"{nodes}2", address=f"{net}.12"),
            Vip(subcluster=made, address=f"{net}.101"),
        ):
            row.full_clean()
            row.save()
    return made


def add_vip(home: Subcluster, address: str) -> services.Change:
    """A change of the definitions, as the API makes it."""
    with services.change(home, ACTOR, f"add {address}") as done:
        row = Vip(subcluster=home, address=address)
        row.full_clean()
        row.save()
    return done


def commit(
    files: Mapping[str, bytes | str | Entry | None], base: int | None = None, **values: Any
) -> configs.Made:
    """Commit to the newest revision, or to `base`."""
    message = values.pop("message", "a change")
    return configs.commit(
        ACTOR, entries(files), message, base=head() if base is None else base, **values
    )


def entries(files: Mapping[str, bytes | str | Entry | None]) -> dict[str, Entry | None]:
    """Files as a change has them; text and bytes are files that nobody runs."""
    plain = {path: one.encode() if isinstance(one, str) else one for path, one in files.items()}
    return {path: Entry(one) if isinstance(one, bytes) else one for path, one in plain.items()}


def head() -> int:
    """The newest revision's number."""
    found = repository().head()
    return 0 if found is None else found.number


def text(path: str, revision: int | None = None) -> str:
    """A file of a revision, of the newest unless said."""
    return repository().read(head() if revision is None else revision, path).decode()
