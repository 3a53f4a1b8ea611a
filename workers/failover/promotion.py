"""The kernel setting `promote_secondaries`: 0, or an anchor lease does not take its VIPs along.

It counts for an interface when either its own or the `all` setting is 1, and tools such as
`sysctl --system` set it back: so it is read before every use, never remembered.
"""

from pathlib import Path

_SETTINGS = Path("/proc/sys/net/ipv4/conf")
_NAME = "promote_secondaries"


class Promotion:
    """Keeps promotion off on the interfaces asked for; `changes` says what had to be changed."""

    def __init__(self, settings: Path = _SETTINGS) -> None:
        self._settings = settings
        self.changes: list[str] = []

    def switch_off(self, interface: str) -> bool:
        """Make it 0 for `interface` and `all`; whether both now read 0."""
        return all([self._switch_off(name) for name in ("all", interface)])

    def _switch_off(self, name: str) -> bool:
        path = self._settings / name / _NAME
        try:
            if _read(path) == 0:
                return True
            with path.open("w") as setting:
                setting.write("0")
            off = _read(path) == 0
        except (OSError, ValueError) as error:
            self._note(f"{path} cannot be set to 0 ({error}): each VIP gets a lease of its own")
            return False
        self._note(f"{path} was 1 and is now 0: leases end with their VIPs only so")
        return off

    def _note(self, sentence: str) -> None:
        if sentence not in self.changes:
            self.changes.append(sentence)


def _read(path: Path) -> int:
    with path.open("rb", buffering=0) as setting:
        return int(setting.read(8))
