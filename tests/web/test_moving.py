"""Moving a VIP by hand: a revision that puts a node first, or the sentence and nothing."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from cluster_admin.audit.models import AuditRecord
from cluster_admin.inventory.models import Node, NodeStatus, Revision, Subcluster
from cluster_admin.vips.models import Vip
from tests.web import seeding
from tests.web.api_client import Answer, Api, newest

pytestmark = pytest.mark.django_db
VIP = "198.18.0.1"
WHERE = f"vips/{VIP}/move/"


@pytest.fixture
def made() -> seeding.Seeded:
    return seeding.cluster(3, 6)


def operator(**token: Any) -> Api:
    return Api(seeding.user("olga", "operator", "default"), **token)


def status(name: str, **values: Any) -> None:
    NodeStatus.objects.filter(node__name=name).update(**values)


def move(api: Api, node: str = "mta2", **more: Any) -> Answer:
    return api.post(WHERE, {"node": node, **more})


@pytest.mark.usefixtures("made")
def test_the_node_is_put_before_the_others_in_one_revision() -> None:
    Vip.objects.filter(address=VIP).update(prefer=["mta3", "mta2"])

    answer = move(operator())

    assert answer.status == 200
    assert answer.body["prefer"] == ["mta2", "mta3"]
    assert answer.headers["X-Muster-Revision"] == "2"
    assert Revision.objects.get(number=2).comment == f"move {VIP} to mta2"
    record = newest(action="move")
    assert (record.actor, record.object, record.outcome) == ("olga", VIP, "done")
    assert (record.before, record.after) == (
        {"prefer": ["mta3", "mta2"]},
        {"prefer": ["mta2", "mta3"]},
    )


@pytest.mark.usefixtures("made")
def test_a_reason_is_the_comment_of_the_revision() -> None:
    operator().post(WHERE, {"node": "mta2"}, X_Muster_Reason="nearer")

    assert Revision.objects.get(number=2).comment == "nearer"
    assert newest(action="move").reason == "nearer"


@pytest.mark.usefixtures("made")
def test_a_dry_run_shows_the_difference_and_takes_it_back() -> None:
    answer = operator().post(f"{WHERE}?dry_run=1", {"node": "mta2"})

    assert '+prefer = ["mta2"]' in answer.body["diff"]
    assert Vip.objects.get(address=VIP).prefer == []
    assert not Revision.objects.exists()


@pytest.mark.usefixtures("made")
def test_free_takes_the_preferences_away() -> None:
    Vip.objects.filter(address=VIP).update(prefer=["mta3", "mta2"])

    assert operator().post(WHERE, {"free": True}).body["prefer"] == []
    assert newest(action="move").after == {"prefer": []}


@pytest.mark.usefixtures("made")
def test_where_it_is_already_there_and_first_nothing_is_changed() -> None:
    Vip.objects.filter(address=VIP).update(prefer=["mta1"])
    api = operator()
    assert api.post("vips/198.18.0.2/move/", {"node": "mta2"}).status == 200
    status("mta1", verdict="suspected")

    answer = move(api, "mta1")

    assert (answer.status, answer.headers["X-Muster-Revision"]) == (200, "2")
    assert AuditRecord.objects.filter(action="move").count() == 1
    assert Subcluster.objects.get().revision == 2


@pytest.mark.parametrize(
    ("node", "change", "sentence"),
    [
        ("mta9", {}, "there is no node 'mta9' in subcluster default; choose one of mta1, mta2"),
        ("mta2", {"admin_state": "draining"}, "mta2 is draining, so it gets no VIPs; undrain it"),
        ("mta2", {"admin_state": "maintenance"}, "mta2 is in maintenance, so it gets no VIPs"),
        ("mta2", {"verdict": "dead"}, "mta2 is dead; choose another node, or force it"),
        ("mta2", {"state": "joining"}, "mta2 is joining, not ready; choose another"),
        ("mta2", {"unhealthy": {"tcp:25": "no answer"}}, "fails on mta2: no answer; mend that"),
        ("mta2", {"refusals": {VIP: "no room"}}, f"mta2 cannot hold {VIP}: no room; mend that"),
    ],
)
@pytest.mark.usefixtures("made")
def test_what_would_not_bring_it_there_is_refused_with_the_way_out(
    node: str, change: dict[str, Any], sentence: str
) -> None:
    Vip.objects.filter(address=VIP).update(check_command="tcp:25")
    if "admin_state" in change:
        Node.objects.filter(name="mta2").update(**change)
    elif change:
        status("mta2", **change)

    answer = move(operator(), node)

    assert answer.problem == (409, "refused")
    assert sentence in answer.body["detail"]
    assert Vip.objects.get(address=VIP).prefer == []
    assert not Revision.objects.exists()
    assert newest(outcome="refused").action == "move"


@pytest.mark.usefixtures("made")
def test_a_node_that_is_away_can_be_forced_one_that_is_drained_cannot() -> None:
    status("mta2", verdict="dead")
    status("mta3", state="joining")
    api = operator()
    assert move(api, "mta2", force=True).body["prefer"] == ["mta2"]
    assert move(api, "mta3", force=True).body["prefer"] == ["mta3", "mta2"]

    Node.objects.filter(name="mta2").update(admin_state="draining")
    assert move(api, "mta2", force=True).status == 409


def test_a_follower_names_whom_to_move(made: seeding.Seeded) -> None:
    first, second, third = made.vips[:3]
    Vip.objects.filter(pk=first.pk).update(follow=second)
    Vip.objects.filter(pk=second.pk).update(follow=third)
    api = operator()

    for body in ({"node": "mta2"}, {"free": True}):
        detail = api.post(WHERE, body).body["detail"]
        assert detail == (
            f"{VIP} follows {third.address} and always sits with it; move {third.address} instead"
        )


def test_a_leader_goes_nowhere_where_a_followers_check_fails(made: seeding.Seeded) -> None:
    leader, second, third = made.vips[:3]
    Vip.objects.filter(pk=second.pk).update(follow=leader)
    Vip.objects.filter(pk=third.pk).update(follow=second, check_command="tcp:25")
    status("mta2", unhealthy={"tcp:25": ""})

    answer = move(operator())

    assert answer.problem == (409, "refused")
    assert f"tcp:25 of {third.address} fails on mta2" in answer.body["detail"]


def test_a_leader_goes_nowhere_where_a_follower_is_refused(made: seeding.Seeded) -> None:
    leader, second = made.vips[:2]
    Vip.objects.filter(pk=second.pk).update(follow=leader)
    status("mta2", refusals={second.address: "no room"})
    api = operator()

    answer = move(api)

    assert answer.problem == (409, "refused")
    assert f"mta2 cannot hold {second.address}: no room" in answer.body["detail"]
    assert move(api, "mta3").status == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"node": ""}, {"node": "mta2", "free": True}, {"node": 2}, {"node": "mta2", "when": 1}],
)
@pytest.mark.usefixtures("made")
def test_bad_bodies_are_refused(body: dict[str, Any]) -> None:
    assert operator().post(WHERE, body).problem == (400, "invalid")


@pytest.mark.usefixtures("made")
def test_operators_move_viewers_do_not_and_a_token_needs_the_scope_of_draining() -> None:
    assert move(Api(seeding.user("vera", "viewer"))).problem == (403, "forbidden")
    assert newest(outcome="denied").action == "move"

    api = operator(scopes=["read", "define"])
    assert move(api).problem == (403, "scope_missing")
    assert move(Api(api.user, scopes=["operate"])).status == 200


@pytest.mark.usefixtures("made")
def test_what_was_changed_meanwhile_is_not_moved() -> None:
    api = operator()
    etag = api.get(f"vips/{VIP}/").etag
    Vip.objects.filter(address=VIP).update(weight=3)

    assert api.post(WHERE, {"node": "mta2"}, If_Match=etag).problem == (412, "stale")


class TestAdmin:
    """The same from the admin: asked where to and why, for one VIP or several."""

    @pytest.fixture(autouse=True)
    def _begun(self, made: seeding.Seeded, client: Client) -> None:
        self.vips = made.vips
        self.client = client
        client.force_login(seeding.user("olga", "operator", is_staff=True))

    def post(self, **fields: Any) -> str:
        chosen = [vip.pk for vip in self.vips[:2]]
        sent = {"action": "move", "_selected_action": chosen, **fields}
        answer = self.client.post(reverse("admin:vips_vip_changelist"), sent, follow=True)
        assert answer.status_code == 200
        return str(answer.content.decode())

    def test_the_page_asks_before_anything_is_done(self) -> None:
        Node.objects.filter(name="mta3").update(admin_state="draining")
        text = self.post()

        assert '<option value="mta2">mta2</option>' in text
        assert '"mta3"' not in text
        assert not Revision.objects.exists()
        page = reverse("admin:vips_vip_change", args=(self.vips[0].pk,))
        ask = reverse("admin:vips_vip_move", args=(self.vips[0].pk,))
        assert ask in self.client.get(page).content.decode()

    def test_several_go_in_one_revision(self) -> None:
        assert "choose" not in self.post(node="mta3", reason="night", confirmed="1")

        assert [vip.prefer for vip in Vip.objects.all()[:3]] == [["mta3"], ["mta3"], []]
        assert AuditRecord.objects.filter(action="move", reason="night", via="admin").count() == 2
        assert Subcluster.objects.get().revision == 2

    def test_what_was_changed_meanwhile_is_kept(self) -> None:
        begun: list[str] = []

        def just_before(execute: Any, sql: str, *rest: Any) -> Any:
            """Somebody prefers another node before the rows are held."""
            if sql.startswith("SAVEPOINT") and not begun:
                begun.append(sql)
                Vip.objects.filter(address=VIP).update(prefer=["mta2"])
            return execute(sql, *rest)

        with connection.execute_wrapper(just_before):
            self.post(node="mta3", confirmed="1")

        assert begun
        assert Vip.objects.get(address=VIP).prefer == ["mta3", "mta2"]

    def test_one_that_cannot_stops_all(self) -> None:
        Vip.objects.filter(pk=self.vips[1].pk).update(follow=self.vips[0])

        assert "follows 198.18.0.1 and always sits with it" in self.post(node="mta3", confirmed="1")
        assert not Revision.objects.exists()
        assert newest(outcome="refused").action == "move"

    def test_without_a_node_nothing_is_done(self) -> None:
        assert "This field is required" in self.post(confirmed="1")
        assert not Revision.objects.exists()

    def test_a_single_vip_is_moved_from_its_page(self) -> None:
        ask = reverse("admin:vips_vip_move", args=(self.vips[0].pk,))
        status("mta2", verdict="dead")
        assert 'name="force"' not in self.client.get(ask).content.decode()
        text = self.client.post(ask, {"node": "mta2", "confirmed": "1"}).content.decode()
        assert "mta2 is dead; choose another node, or force it" in text
        assert 'name="force"' in text
        assert "+prefer = [&quot;mta2&quot;]" in text
        assert not Revision.objects.exists()

        self.client.post(ask, {"node": "mta2", "force": "on", "confirmed": "1"})
        assert Vip.objects.get(address=VIP).prefer == ["mta2"]
        self.client.post(ask, {"node": "-", "confirmed": "1"})
        assert Vip.objects.get(address=VIP).prefer == []

    def test_viewers_are_denied(self) -> None:
        self.client.force_login(seeding.user("vera", "viewer", is_staff=True))
        ask = reverse("admin:vips_vip_move", args=(self.vips[0].pk,))

        assert self.client.post(ask, {"node": "mta2", "confirmed": "1"}).status_code == 403
        assert newest(outcome="denied").action == "move"
