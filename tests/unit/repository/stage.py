"""What tests of the repository share: commits in one line, and what plain git says of them."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from workers.repository.committing import Proposal
from workers.repository.core.changes import Changes, Entry
from workers.repository.core.paths import Known
from workers.repository.history import Revision
from workers.repository.repository import Repository

WHEN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def proposal(
    changes: dict[str, bytes | Entry | None],
    message: str = "A change",
    key: str = "",
    known: Known | None = None,
) -> Proposal:
    """What is to be committed, by Ann; plain bytes are a file that is not executable."""
    entries: Changes = {
        path: Entry(content) if isinstance(content, bytes) else content
        for path, content in changes.items()
    }
    return Proposal(entries, "Ann", "ann@example.com", message, WHEN, key, known)


def commit(
    repository: Repository,
    changes: dict[str, bytes | Entry | None],
    base: int | str | None = None,
    key: str = "",
) -> Revision:
    """Commit to the newest revision, or to `base`."""
    head = repository.head()
    newest = head.number if head else 0
    return repository.commit(newest if base is None else base, proposal(changes, key=key))


def contents(repository: Repository, revision: int | str) -> dict[str, bytes]:
    """Every file of a revision."""
    files = repository.tree(revision).items()
    return {path: repository.content(file.blob) for path, file in files}


def git(directory: Path, *words: str) -> str:
    """What plain git says; it must be content."""
    command = ["git", "-C", str(directory), *words]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    return ended.stdout + ended.stderr


def sound(directory: Path) -> bool:
    """Whether `git fsck --strict` has nothing to say, dangling objects apart."""
    said = git(directory, "fsck", "--strict", "--full", "--no-dangling", "--no-progress")
    return not [line for line in said.splitlines() if not line.startswith("notice: ")]
