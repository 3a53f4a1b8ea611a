"""NODE.toml: where the programs are that definitions may have a node run."""

from pathlib import Path

import pytest

from workers.failover.settings import USUAL_COMMANDS, SettingsError, read_settings

TEXT = (
    'cluster = "demo"\nsubcluster = "default"\nnode = "mta1"\nstate_directory = "/var/lib/muster"\n'
    'key_file = "/etc/muster/key"\nsocket = "/run/muster.sock"\n'
)


def test_commands_have_a_directory_of_their_own_unless_it_is_set(tmp_path: Path) -> None:
    file = tmp_path / "node.toml"
    file.write_text(TEXT)
    assert read_settings(file).commands == USUAL_COMMANDS

    file.write_text(f'{TEXT}commands = "/usr/local/lib/muster"\n')
    assert read_settings(file).commands == Path("/usr/local/lib/muster")

    file.write_text(f'{TEXT}commands = "lib"\n')
    with pytest.raises(SettingsError, match=r"node.toml:7: .*write the whole path, from / on"):
        read_settings(file)
