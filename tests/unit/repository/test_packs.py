"""Many contents as one pack: git unpacks exactly those."""

from pathlib import Path

import pygit2
import pytest

from workers.repository.blobs import SINGLE, write_blobs
from workers.repository.core.packs import pack_of_blobs
from workers.repository.repository import Repository

SIZES = (0, 1, 15, 16, 17, 2047, 2048, 2049, 300_000)


@pytest.mark.parametrize("count", [1, SINGLE, SINGLE + 1, 300])
def test_what_is_written_can_be_read(tmp_path: Path, count: int) -> None:
    Repository.create(tmp_path)
    git = pygit2.Repository(str(tmp_path))
    contents = [b"%d" % n + b"\xff\r\n" * SIZES[n % len(SIZES)] for n in range(count)]
    write_blobs(tmp_path, git, [*contents, *contents])
    assert [git[pygit2.hash(content)].read_raw() for content in contents] == contents
    assert bool(list(tmp_path.glob("objects/pack/*.pack"))) is (count > SINGLE)


def test_a_pack_says_what_it_is() -> None:
    pack = pack_of_blobs([b"a", b""])
    assert pack[:12] == b"PACK\0\0\0\2\0\0\0\2"
