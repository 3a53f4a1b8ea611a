"""Running the system's own tools (`ip`, `tc`) for the lab; their complaints become LabErrors."""

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence

from workers.lab.errors import LabError, LabRefused

TOOL_SECONDS = 60.0
_PACKAGES = {
    "ip": "iproute2",
    "tc": "iproute2",
    "/usr/sbin/keepalived": "keepalived",
    "postfix": "postfix",
    "postconf": "postfix",
    "unshare": "util-linux",
    "/usr/lib/rabbitmq/bin/rabbitmq-server": "rabbitmq-server",
}
_SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def check_system() -> None:
    """Refuse where no lab can be: not Linux, not root, no `ip`."""
    if platform.system() != "Linux":
        raise LabRefused(f"the lab needs Linux network namespaces; this is {platform.system()}")
    if os.geteuid() != 0:
        raise LabRefused("the lab needs root for its network namespaces: run it with sudo")
    tool("ip")


def tool(name: str) -> str:
    """Path of a system tool; LabRefused names the package when it is missing."""
    path = shutil.which(name, path=_SEARCH_PATH)
    if path is None:
        package = _PACKAGES.get(name, name)
        raise LabRefused(f"{name} is not installed: run script/setup or apt-get install {package}")
    return path


def run(name: str, *arguments: str, script: Sequence[str] = ()) -> str:
    """Run a tool to its end, `script` lines on its standard input; answers its standard output."""
    done = subprocess.run(
        [tool(name), *arguments],
        input="".join(f"{line}\n" for line in script),
        capture_output=True,
        text=True,
        timeout=TOOL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        complaint = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise LabError(f"{name} {' '.join(arguments)}: {complaint}")
    return done.stdout
