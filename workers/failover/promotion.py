"""The kernel setting `promote_secondaries`: 0, or an anchor lease does not take its VIPs along.

It counts for an interface when either its own or the `all` setting is 1, and tools such as
`sysctl --system` set it back: so it is read before every use, never remembered.
"""

import os
from pathlib import Path

_SETTINGS = Path("/proc/sys/net/ipv4/conf")
_NAME = "promote_secondaries"


class Promotion:
    """Keeps promotion off on the interfaces asked for; `changes` says what had to be changed."""

    def __init__(self, settings: Path = _SETTINGS) -> None:
        self._settings = settings
        self.changes: list[str] = []
        self._repairs: list[str] = []

    def is_off(self, interface: str) -> bool:
        """Whether both settings read 0 now; one that cannot be read is not off."""
        return all(_read(path) == 0 for path in self._paths(interface))

    def switch_off(self, interface: str) -> bool:
        """Make it 0 for `interface` and `all`; whether both now read 0."""
        for path in self._paths(interface):
            if _read(path) != 0:
                self._clear(path)
        return self.is_off(interface)

    def take_repairs(self) -> list[str]:
        """The settings that were not 0 when asked for, since the last call."""
        repairs, self._repairs = self._repairs, []
        return repairs

    def _paths(self, interface: str) -> tuple[str, str]:
        return f"{self._settings}/all/{_NAME}", f"{self._settings}/{interface}/{_NAME}"

    def _clear(self, path: str) -> None:
        try:
            Path(path).write_text("0")
        except OSError as error:
            sentence = f"{path} cannot be set to 0 ({error.strerror}): each VIP has its own lease"
        else:
            self._repairs.append(path)
            sentence = f"{path} was set to 0: otherwise VIPs would outlive their lease"
        if sentence not in self.changes:
            self.changes.append(sentence)


def _read(path: str) -> int | None:
    """Plain system calls: it is done before each renewal of the lease."""
    try:
        setting = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        return int(os.read(setting, 8))
    except (OSError, ValueError):
        return None
    finally:
        os.close(setting)
