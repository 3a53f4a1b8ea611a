"""Archives: what any tar reads gives the same files back."""

import io
import tarfile
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cluster_admin.configs.tars import pieces

AT = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=300)


@given(st.dictionaries(NAMES.map(lambda one: f"d/{one}"), st.tuples(st.binary(), st.booleans())))
def test_what_goes_in_comes_out(files: dict[str, tuple[bytes, bool]]) -> None:
    data = b"".join(pieces(((path, *file) for path, file in files.items()), AT))

    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getmembers()
        found = {
            one.name: (archive.extractfile(one).read(), bool(one.mode & 0o100))  # type: ignore[union-attr]
            for one in members
        }
    assert found == files
    assert {one.mtime for one in members} <= {AT.timestamp()}
    assert len(data) % tarfile.BLOCKSIZE == 0
