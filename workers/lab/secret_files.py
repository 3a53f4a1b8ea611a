"""Files that only root may read."""

from pathlib import Path


def write_secret(path: Path, text: str) -> None:
    """Write a file that only root may read; never is it there with wider rights."""
    path.touch(mode=0o600)
    path.write_text(text)
