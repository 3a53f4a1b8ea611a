"""The first start of a manager, and every later one."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from cluster_admin.accounts.models import User
from cluster_admin.accounts.tokens import check_token
from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.vips.models import Vip
from tests.unit.failover.definitions_samples import PLAIN
from workers.failover.core.definitions_text import render

pytestmark = pytest.mark.django_db


def test_it_imports_makes_the_account_and_may_be_repeated(tmp_path: Path) -> None:
    file, password, token = (tmp_path / name for name in ("one.toml", "password", "token"))
    file.write_text(render(PLAIN))
    password.write_text("a very long one\n")
    options = {"definitions": [file], "admin": "admin", "password_file": password}

    for _ in range(2):
        call_command("bootstrap", **options, token_file=token)

    assert Subcluster.objects.get().revision == PLAIN.revision  # as the nodes have it
    assert (Node.objects.count(), Vip.objects.count()) == (1, 2)
    assert User.objects.get().check_password("a very long one")
    assert check_token(token.read_text().strip()).user.username == "admin"
    assert token.stat().st_mode & 0o777 == 0o600
    told = AuditRecord.objects.filter(actor="bootstrap").order_by("id")
    assert [f"{one.action} {one.kind}" for one in told] == [
        *("import subcluster", "create user", "create token")
    ]
    assert token.read_text().strip() not in str(told.values())


def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "one.toml"
    file.write_text("format = 2\n")

    with pytest.raises(CommandError, match=r"one\.toml:1"):
        call_command("bootstrap", definitions=[file])
    assert not Subcluster.objects.exists()
