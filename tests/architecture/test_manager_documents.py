"""What the documents say of the manager is what its code reads."""

import re

from tests.architecture.tree import ROOT, modules

REFERENCE = ROOT / "docs" / "reference"
OWN = {"MUSTER_LAB_ROLE", "MUSTER_LAB_MACHINE"}
"""What the lab's processes tell one another; nobody sets them."""


def _named(text: str) -> set[str]:
    return set(re.findall(r"\b(?:MUSTER_[A-Z_]+|DATABASE_URL)\b", text))


def test_every_variable_of_the_environment_is_described() -> None:
    quoted = re.compile(r"""["'](MUSTER_[A-Z_]+|DATABASE_URL)["']""")
    read = {
        name
        for path in modules("cluster_admin", "workers")
        for name in quoted.findall((ROOT / path).read_text())
    }

    assert _named((REFERENCE / "environment.md").read_text()) == read - OWN
