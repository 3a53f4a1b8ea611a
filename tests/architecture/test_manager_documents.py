"""What the documents say of the manager is what its code reads."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from drf_spectacular.generators import SchemaGenerator

from cluster_admin.api.reference import updated
from cluster_admin.vips.models import VipStatus
from tests.architecture.tree import ROOT, modules

REFERENCE = ROOT / "docs" / "reference"
UNITS = sorted((ROOT / "fixtures" / "systemd").glob("*.service"))
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


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_what_is_there(unit: Path) -> None:
    text = unit.read_text()
    (command,) = re.findall(r"^ExecStart=/opt/muster/\.venv/bin/python (.+)$", text, re.MULTILINE)
    words = command.split()
    module = words[1] if words[0] == "-m" else ""

    assert (ROOT / "manage.py").exists() if not module else find_spec(module)
    assert all(find_spec(name) for name in re.findall(r"cluster_admin\.\w+", command))
    assert {"Restart=always", "StartLimitIntervalSec=0"} <= set(text.splitlines())


def test_the_operations_page_names_known_variables_and_every_unit_of_a_manager() -> None:
    page = (ROOT / "docs" / "operations.md").read_text()

    assert _named(page) <= _named((REFERENCE / "environment.md").read_text())
    managers = [unit.stem for unit in UNITS if "manager.env" in unit.read_text()]
    assert [name for name in managers if name not in page] == []


def test_the_reference_of_the_api_is_what_its_document_says() -> None:
    page = (REFERENCE / "api.md").read_text()
    document = SchemaGenerator().get_schema(request=None, public=True)

    way = "run: DJANGO_SETTINGS_MODULE=cluster_admin.settings.test python -m"
    assert updated(page, document) == page, (
        f"{way} cluster_admin.api.reference docs/reference/api.md"
    )


def test_alert_rules_ask_for_metrics_that_are_there() -> None:
    rules = yaml.safe_load((ROOT / "fixtures" / "prometheus" / "muster.rules.yaml").read_text())
    asked = [rule for group in rules["groups"] for rule in group["rules"]]
    configs = ("configs/api_metrics.py", "configs/conflict_metrics.py")
    sources = ("api/metrics.py", *configs, "logs/shipping_metrics.py", "replication/metrics.py")
    source = "".join((ROOT / "cluster_admin" / one).read_text() for one in sources)
    metrics = set(re.findall(r'"(muster_\w+)"', source))

    assert len({rule["alert"] for rule in asked}) == len(asked) >= 10
    for rule in asked:
        assert set(re.findall(r"\bmuster_\w+", rule["expr"])) <= metrics, rule["alert"]
        assert set(rule["annotations"]) == {"summary", "way"}
        states = re.findall(r'state=~?"([\w|]+)"', rule["expr"].replace("admin_state", ""))
        known = {*VipStatus.State.values, "isolated"}
        assert {one for told in states for one in told.split("|")} <= known
