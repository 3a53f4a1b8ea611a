"""collector.toml: whose logs a collector takes, where it puts them, and how long they stay.

Read once at the start. Whatever is wrong is one sentence that names the file and the way out.
"""

from pathlib import Path
from typing import Annotated

import msgspec

from workers.bus.connection import broker_parameters
from workers.bus.errors import BusError
from workers.logs.core.destination import Destination, TemplateError, parsed

Label = Annotated[str, msgspec.Meta(pattern="^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
Mode = Annotated[int, msgspec.Meta(ge=0, le=0o777)]
Limit = Annotated[int, msgspec.Meta(ge=0)]


class SettingsError(Exception):
    """collector.toml cannot be used."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What collector.toml says."""

    name: Label
    """Of the subscriber, as the definitions of the subclusters name it."""
    cluster: str
    subclusters: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    brokers: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """AMQP URLs with the managers' account, tried in turn."""
    key_file: str
    """Cluster keys, mode 0600."""
    destination: str
    """Template of the files: `workers.logs.core.destination`."""
    state_directory: str
    file_mode: Mode = 0o640
    dir_mode: Mode = 0o750
    compress: bool = False
    """Whether files that are no longer written to are compressed (zstd)."""
    keep_days: Limit = 0
    """Files that were last written to so long ago are deleted; 0: they stay."""
    keep_bytes: Limit = 0
    """When all files take more, the oldest are deleted; 0: there is no limit."""
    index: bool = True
    """Whether an index is made of what is collected: a trace without one reads everything."""
    mail_logs: tuple[str, ...] = ("mail",)
    """The logs from which it is counted what happened to mail; empty: it is not."""

    @property
    def index_directory(self) -> Path:
        """Where the index of the files is; it may be removed at any time."""
        return Path(self.state_directory) / "index"

    @property
    def mail_counts(self) -> Path:
        """Where it is counted what happened to mail."""
        return Path(self.state_directory) / "mail.sqlite3"

    @property
    def template(self) -> Destination:
        """The destination, checked."""
        return parsed(self.destination)


def read_settings(path: Path) -> Settings:
    """Read and check collector.toml; raises `SettingsError`."""
    try:
        settings = msgspec.toml.decode(path.read_bytes(), type=Settings)
        _check(settings)
    except OSError as error:
        way = "name another file with --config"
        raise SettingsError(f"{path}: cannot be read: {error.strerror}; {way}") from error
    except (msgspec.MsgspecError, TemplateError, BusError, ValueError) as error:
        way = "correct it, docs/reference/collector.md names every key"
        raise SettingsError(f"{path}: {error}; {way}") from None
    return settings


def _check(settings: Settings) -> None:
    for address in settings.brokers:
        broker_parameters(address)
    for what, value in (
        ("key_file", settings.key_file),
        ("state_directory", settings.state_directory),
    ):
        if not value.startswith("/") or "\0" in value:
            raise ValueError(f"{what} is {value!r}: write the whole path, from / on")
    dated = settings.template.dated
    if not dated and (settings.compress or settings.keep_days or settings.keep_bytes):
        raise ValueError(
            "destination has no date, so its files never end: add one such as %Y/%m/%d, "
            "or leave out compress, keep_days and keep_bytes"
        )
