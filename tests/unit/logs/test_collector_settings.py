"""collector.toml: what may stand there, and what a mistake is answered with."""

from pathlib import Path

import pytest

from workers.logs.collector_settings import SettingsError, read_settings

GOOD = {
    "name": '"archive"',
    "cluster": '"demo"',
    "subclusters": '["default"]',
    "brokers": '["amqp://manager:secret@10.0.0.1:5672/"]',
    "key_file": '"/etc/muster/cluster.key"',
    "destination": '"/var/log/muster/%Y/%m/%d/%{l}/%{s}/%{n}"',
    "state_directory": '"/var/lib/muster/collector"',
}


def written(directory: Path, **changes: str) -> Path:
    path = directory / "collector.toml"
    lines = (f"{key} = {value}\n" for key, value in {**GOOD, **changes}.items() if value)
    path.write_text("".join(lines))
    return path


def test_a_file_with_what_is_needed(tmp_path: Path) -> None:
    settings = read_settings(written(tmp_path, file_mode="0o600", keep_days="30"))

    assert (settings.name, settings.subclusters) == ("archive", ("default",))
    assert (settings.file_mode, settings.dir_mode, settings.keep_days) == (0o600, 0o750, 30)
    assert settings.template.root == "/var/log/muster"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "missing required field `name`"),
        ({"name": '"Not a name"'}, "name"),
        ({"destinations": '"/x"'}, "unknown field `destinations`"),
        ({"destination": '"/var/log/%{l}"'}, "every node needs a file of its own"),
        ({"destination": '"/var/log/%{l}/%{n}"', "compress": "true"}, "has no date"),
        ({"destination": '"/var/log/100%%/%{l}/%{n}"', "keep_days": "1"}, "has no date"),
        ({"subclusters": "[]"}, "subclusters"),
        ({"brokers": '["http://x/"]'}, "amqp://USER:PASSWORD"),
        ({"key_file": '"key"'}, "the whole path"),
        ({"keep_bytes": "-1"}, "keep_bytes"),
        ({"keep_days": "[[["}, "correct it"),
    ],
)
def test_a_mistake_is_told_with_the_file_and_no_password(
    tmp_path: Path, changes: dict[str, str], said: str
) -> None:
    path = written(tmp_path, **changes)

    with pytest.raises(SettingsError, match=r"collector\.toml") as caught:
        read_settings(path)
    assert said in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="name another file with --config"):
        read_settings(tmp_path / "none")
