"""The reference of commands is made from the parsers, and is what they are now."""

from cluster_admin.cli.reference import updated
from tests.architecture.tree import ROOT

PAGE = "docs/reference/cli.md"


def test_the_reference_of_commands_is_current() -> None:
    page = (ROOT / PAGE).read_text()

    assert updated(page) == page, f"run: python -m cluster_admin.cli.reference {PAGE}"
