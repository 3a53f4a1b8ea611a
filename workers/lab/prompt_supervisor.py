"""supervisord that starts a dead child again at once: `-m workers.lab.prompt_supervisor ARGS`.

Supervisor's own loop notices a death up to 1 s late (Python resumes an interrupted poll), and the
restart waits for the next turn, up to 1 s more: too long for an agent whose peers give it 0.6 s.
Here SIGCHLD ends the poll and a reaped child is started in the same turn. All else is supervisor's.
"""

import os
import signal
from typing import Any

from supervisor import supervisord
from supervisor.medusa import asyncore_25
from supervisor.options import ServerOptions
from supervisor.poller import PollPoller

_DRAIN_BYTES = 4096


class SignalledPoller(PollPoller):  # type: ignore[misc]
    """A poller that returns as soon as a signal was handled."""

    def initialize(self) -> None:
        """Have the interpreter write a byte to a pipe of ours for every signal."""
        super().initialize()
        self.woken, writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        self._poller.register(self.woken, self.READ)
        os.write(writer, b"!")  # the first turn starts the children: do not wait 1 s for it

    def poll(self, timeout: float) -> tuple[list[int], list[int]]:
        """Readable and writable descriptors, the pipe of ours left out."""
        readable, writable = super().poll(timeout)
        if self.woken in readable:
            readable.remove(self.woken)
            os.read(self.woken, _DRAIN_BYTES)
        return readable, writable


class PromptSupervisor(supervisord.Supervisor):  # type: ignore[misc]
    """A supervisor that acts on what it reaped without waiting for the next turn."""

    def reap(self, once: bool = False, recursionguard: int = 0) -> None:
        """Reap dead children, then let every group start what has to run."""
        super().reap(once, recursionguard)
        if recursionguard == 0:
            for group in self.process_groups.values():
                group.transition()


def main(arguments: list[str] | None = None) -> None:
    """Run until told to stop."""
    options: Any = ServerOptions()
    options.realize(arguments, doc=supervisord.__doc__)
    options.poller = SignalledPoller(options)
    options.first, options.test = True, False
    try:
        PromptSupervisor(options).main()
    except asyncore_25.ExitNow:
        pass
    finally:
        options.close_httpservers()
        options.close_logger()


if __name__ == "__main__":
    main()
