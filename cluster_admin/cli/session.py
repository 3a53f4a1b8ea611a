"""One call of a command: its surroundings, and the client, which is made when first needed."""

from typing import TYPE_CHECKING

from cluster_admin.cli import profiles
from cluster_admin.cli.shapes import tell
from cluster_admin.cli.surroundings import Surroundings

if TYPE_CHECKING:
    from cluster_admin.cli.client import Client


class Call:
    """What every handler gets; closes its client at the end."""

    def __init__(
        self,
        around: Surroundings,
        profile: str | None = None,
        url: str | None = None,
        token: str | None = None,
    ) -> None:
        self.around = around
        self.profile, self.url, self.token = profile, url, token
        self._client: Client | None = None

    def __enter__(self) -> "Call":
        return self

    def __exit__(self, *_: object) -> None:
        if self._client:
            self._client.http.close()

    @property
    def target(self) -> profiles.Target:
        """The manager that is meant; raises `Usage` when none is known."""
        return profiles.resolve(self.profile, self.url, self.token, self.around.environment)

    @property
    def client(self) -> "Client":
        """The client, connected as the options, environment and profile say."""
        if self._client is None:
            self._warn_of_open_file()
            self._client = self.client_for(self.target)
        return self._client

    def client_for(self, target: profiles.Target) -> "Client":
        """A client of its own, to be closed by the caller."""
        from cluster_admin.cli.client import Client  # HTTP is slow to load, help is to be fast

        return Client(target, self.around.transport)

    def _warn_of_open_file(self) -> None:
        path = profiles.config_path(self.around.environment)
        if profiles.open_to_others(path):
            tell(f"warning: others can read the tokens in {path}; use: chmod 600 {path}")
