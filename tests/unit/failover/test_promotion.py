"""Promotion: read before every use, switched off where that can be done, and said so once."""

from pathlib import Path

import pytest

from workers.failover.promotion import Promotion


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    for interface in ("all", "eth0", "eth1"):
        put(tmp_path, interface, "0\n")
    return tmp_path


def put(settings: Path, interface: str, value: str) -> Path:
    path = settings / interface / "promote_secondaries"
    path.parent.mkdir(exist_ok=True)
    path.write_text(value)
    return path


def test_it_is_off_only_if_both_settings_are(settings: Path) -> None:
    assert Promotion(settings).is_off("eth0")
    put(settings, "eth1", "1\n")
    assert Promotion(settings).is_off("eth0")
    put(settings, "all", "1\n")
    assert not Promotion(settings).is_off("eth0")


@pytest.mark.parametrize("interface", ["all", "eth0"])
def test_it_is_switched_off_each_time_and_told_once(settings: Path, interface: str) -> None:
    promotion = Promotion(settings)
    for _ in range(3):
        path = put(settings, interface, "1\n")
        assert promotion.switch_off("eth0")
        assert path.read_text() == "0"

    assert len(promotion.changes) == 1
    assert f"{path} was set to 0" in promotion.changes[0]


def test_what_is_off_is_left_alone(settings: Path) -> None:
    promotion = Promotion(settings)

    assert promotion.switch_off("eth0")
    assert promotion.changes == []
    assert (settings / "eth0" / "promote_secondaries").read_text() == "0\n"


@pytest.mark.parametrize("damage", ["gone", "unreadable"])
def test_what_cannot_be_read_or_set_is_not_off(settings: Path, damage: str) -> None:
    path = settings / "eth0" / "promote_secondaries"
    path.unlink()
    if damage == "unreadable":
        path.mkdir()
    else:
        path.parent.rmdir()

    promotion = Promotion(settings)

    assert not promotion.switch_off("eth0")
    assert "cannot be set to 0" in promotion.changes[0]


@pytest.mark.parametrize("value", ["", "off\n", "1\n", "2\n"])
def test_anything_but_zero_is_not_off(settings: Path, value: str) -> None:
    put(settings, "eth0", value)

    assert not Promotion(settings).is_off("eth0")
