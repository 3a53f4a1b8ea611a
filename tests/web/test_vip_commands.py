"""Commands in definitions: who may set them, that they travel, and the warning that hooks bring."""

import pytest

from cluster_admin.accounts.roles import Role
from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory import definitions
from cluster_admin.inventory.models import Topology
from cluster_admin.vips.models import Vip, VipStatus
from tests.web import seeding
from tests.web.admin_fixtures import client_of, make_cluster, make_user
from tests.web.api_client import Api
from tests.web.test_admin_roles import page_of
from workers.failover.core.hooks import HOOK_WARNING

pytestmark = pytest.mark.django_db
HOOK, CHECK = "/usr/local/sbin/move-address --zone b", "command:/usr/local/sbin/check 25"
VIP = "198.18.0.1"


@pytest.fixture
def _cluster() -> None:
    seeding.cluster()


@pytest.mark.usefixtures("_cluster")
def test_an_administrator_sets_commands_and_they_are_in_the_definitions() -> None:
    api = Api(seeding.user("anna", "admin", "default"))

    answer = api.patch(f"vips/{VIP}/", {"hook": HOOK, "check": CHECK})

    assert answer.status == 200
    assert answer.body["hook"] == HOOK
    assert answer.body["hook_warning"] == HOOK_WARNING
    row = Vip.objects.get(address=VIP)
    vip = definitions.build(row.subcluster).vips[VIP]
    assert (vip.hook, vip.check) == (HOOK, CHECK)
    assert api.patch(f"vips/{VIP}/", {"hook": ""}).body["hook_warning"] == ""


@pytest.mark.usefixtures("_cluster")
def test_an_operator_sets_no_commands_but_keeps_and_removes_them() -> None:
    anna, otto = (
        Api(seeding.user(f"one-{role}", role, "default")) for role in ("admin", "operator")
    )

    for body in ({"hook": HOOK}, {"check": CHECK}):
        answer = otto.patch(f"vips/{VIP}/", body)
        assert answer.problem == (403, "forbidden")
        assert "needs the role admin of subcluster default" in answer.body["detail"]
        record = AuditRecord.objects.latest("id")
        assert (record.outcome, record.actor) == ("denied", "one-operator")
    made = otto.post("vips/", {"address": "198.18.0.250", "subcluster": "default", "hook": HOOK})
    assert made.problem == (403, "forbidden")
    assert not Vip.objects.filter(address="198.18.0.250").exists()

    assert otto.patch(f"vips/{VIP}/", {"check": "smtp:25"}).status == 200
    assert anna.patch(f"vips/{VIP}/", {"hook": HOOK, "check": CHECK}).status == 200
    same = {"hook": HOOK, "check": CHECK, "description": "for Bulk"}
    assert otto.patch(f"vips/{VIP}/", same).status == 200
    assert otto.patch(f"vips/{VIP}/", {"hook": HOOK + " x"}).problem == (403, "forbidden")
    assert otto.patch(f"vips/{VIP}/", {"hook": "", "check": ""}).status == 200


@pytest.mark.usefixtures("_cluster")
def test_what_is_no_command_is_refused_at_its_field() -> None:
    api = Api(seeding.user("anna", "admin", "default"))

    for field, value in (("hook", "move"), ("check", "ping:1"), ("hook", "/a 'b")):
        answer = api.patch(f"vips/{VIP}/", {field: value})
        assert answer.problem == (400, "invalid"), answer.body
        assert field in answer.body["errors"], answer.body
    named = api.put("subclusters/default/settings/on_change/", {"value": "mail"})
    assert named.status == 400
    assert "write /PATH ARGUMENTS" in str(named.body["errors"]["value"])


@pytest.mark.usefixtures("_cluster")
def test_knobs_of_words_and_commands_are_set_and_unset() -> None:
    api = Api(seeding.user("anna", "admin", "default"))
    at = "subclusters/default/settings"

    assert api.put(f"{at}/announce_to/", {"value": "interest"}).status == 200
    assert api.put(f"{at}/on_change/", {"value": "/bin/tell it"}).body["value"] == "/bin/tell it"
    knobs = definitions.build(Vip.objects.get(address=VIP).subcluster).knobs
    assert (knobs.announce_to, knobs.on_change) == ("interest", "/bin/tell it")
    assert api.put(f"{at}/on_change/", {"value": ""}).body["is_default"]
    assert api.delete(f"{at}/announce_to/").body["value"] == "all"
    assert api.put(f"{at}/announce_to/", {"value": "some"}).status == 400
    assert api.put(f"{at}/on_change/", {"value": 7}).status == 400


@pytest.mark.usefixtures("_cluster")
def test_hosts_of_interest_are_in_the_definitions() -> None:
    api = Api(seeding.user("anna", "admin", "default"))
    row = Topology.objects.get(cidr__startswith="198.18.0.")

    answer = api.patch(f"topologies/{row.pk}/", {"interest": ["198.18.0.77"]})
    refused = api.patch(f"topologies/{row.pk}/", {"interest": ["2001:db8::1"]})

    assert answer.body["interest"] == ["198.18.0.77"]
    assert definitions.build(row.subcluster).topologies[0].interest == ("198.18.0.77",)
    assert refused.problem == (400, "invalid")
    assert "interest" in refused.body["errors"]


def form(row: Vip, **changed: object) -> dict[str, object]:
    fields = {
        "description": row.description,
        "prefer": "\n".join(row.prefer),
        "follow": "",
        "weight": row.weight,
        "check_command": row.check_command,
        "hook": row.hook,
        "binding": row.binding,
        "reason": "",
    }
    return fields | changed


@pytest.mark.parametrize(("role", "may"), [(Role.ADMIN, True), (Role.OPERATOR, False)])
def test_the_admin_pages_ask_for_the_same_role(role: Role, may: bool) -> None:
    make_cluster()
    client = client_of(make_user("somebody", role, "default"))
    row = Vip.objects.get(address="198.18.0.101")

    answer = client.post(page_of(row), form(row, hook=HOOK))

    row.refresh_from_db()
    assert row.hook == (HOOK if may else "")
    if may:
        page = client.get(page_of(row)).content.decode()
        assert HOOK_WARNING.split("'")[0] in page
    else:
        assert "needs the role admin of subcluster default" in answer.content.decode()
        Vip.objects.filter(pk=row.pk).update(hook=HOOK)
        kept = Vip.objects.get(pk=row.pk)
        assert client.post(page_of(row), form(kept, description="kept")).status_code == 302


def test_the_page_of_a_vip_shows_its_hook_and_what_it_costs() -> None:
    make_cluster()
    Vip.objects.filter(address="198.18.0.101").update(hook=HOOK, check_command="smtp:25")
    client = client_of(make_user("somebody", Role.VIEWER, "default"))

    page = client.get("/vips/198.18.0.101/").content.decode()
    rows = client.get("/vips/").content.decode()

    for text in (HOOK, "smtp:25", "does not fence"):
        assert text in page
    assert "does not fence" in rows


def test_what_a_hook_costs_stands_beside_it_unless_its_state_says_so() -> None:
    make_cluster()
    vip = Vip.objects.get(address="198.18.0.101")
    Vip.objects.filter(pk=vip.pk).update(hook=HOOK)
    client = client_of(make_user("somebody", Role.VIEWER, "default"))
    cost = HOOK_WARNING.partition("'")[0]
    stated, beside = f'id="note">UNSAFE: {cost}', f'<span class="warn-text">{cost}'

    for cause, note in (("hook", HOOK_WARNING.removesuffix(".")), ("two-owners", "also on mta2")):
        values = {"state": "UNSAFE", "cause": cause, "note": note}
        VipStatus.objects.update_or_create(vip=vip, defaults=values)

        text = client.get("/vips/198.18.0.101/").content.decode()

        assert (stated in text, beside in text) == (cause == "hook", cause != "hook")
