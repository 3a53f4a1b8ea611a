"""The file of cluster keys: private, hexadecimal, and never shown in a message."""

from pathlib import Path

import pytest

from workers.bus.errors import BusError
from workers.bus.keys import KEY_BYTES, load_keys, make_key

KEY = "0123456789abcdef" * 4


def key_file(directory: Path, text: str, mode: int = 0o600) -> Path:
    path = directory / "cluster.key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_made_key_can_be_loaded(tmp_path: Path) -> None:
    line = make_key()
    assert load_keys(key_file(tmp_path, line + "\n")) == (bytes.fromhex(line),)
    assert len(bytes.fromhex(line)) == KEY_BYTES
    assert make_key() != line


def test_keys_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    first, second = make_key(), make_key()
    keys = load_keys(key_file(tmp_path, f"{first}\n\n  {second}  \n", 0o400))
    assert keys == (bytes.fromhex(first), bytes.fromhex(second))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_others_may_access_is_refused_with_the_way_out(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, KEY, mode)
    with pytest.raises(BusError, match=f"chmod 600 {path}"):
        load_keys(path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "0 cluster keys"),
        (f"{KEY}\n" * 5, "5 cluster keys"),
        (f"{KEY}\n{KEY[:-1]}x\n", "line 2: a cluster key is written in hexadecimal"),
        (KEY[:30], "line 1: a cluster key needs at least 32 digits"),
        ("schlüssel", "hexadecimal"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = key_file(tmp_path, text)
    with pytest.raises(BusError, match=says) as raised:
        load_keys(path)
    assert str(path) in str(raised.value)
    assert KEY[:30] not in str(raised.value)


def test_a_missing_file_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BusError, match="No such file"):
        load_keys(tmp_path / "none")
    with pytest.raises(BusError):
        load_keys(tmp_path)
