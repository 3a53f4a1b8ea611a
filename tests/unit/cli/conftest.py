"""What the tests of commands share: a fake manager, and an operator who talks to it."""

from pathlib import Path

import pytest

from tests.unit.cli.manager import Manager
from tests.unit.cli.operator import Operator


@pytest.fixture
def manager() -> Manager:
    return Manager()


@pytest.fixture
def operator(manager: Manager, tmp_path: Path) -> Operator:
    return Operator(manager, tmp_path)
