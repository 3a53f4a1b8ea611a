"""The four-eyes rule: what waits for another person, who decides, and what becomes of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cluster_admin.accounts.models import Grant, User
from cluster_admin.accounts.roles import Role
from cluster_admin.audit.actor import Actor
from cluster_admin.audit.models import AuditRecord
from cluster_admin.configs import proposal_deciding as deciding
from cluster_admin.configs import proposal_rules as rules
from cluster_admin.configs.authors import message_of, refuse_claims
from cluster_admin.configs.models import Revision
from cluster_admin.configs.proposal_models import Proposal
from cluster_admin.configs.proposal_packing import CONTENT_BYTES
from cluster_admin.configs.refusals import DeniedError
from cluster_admin.configs.refusals import Refused as Unfit
from cluster_admin.configs.services import Made
from cluster_admin.configs.submitting import OPEN_MAX, approved, submit
from cluster_admin.inventory.models import Node
from cluster_admin.inventory.refusals import Refused
from cluster_admin.inventory.services import set_admin_state
from tests.web import config_stage as stage
from workers.repository.errors import ConflictError, NothingChangedError

pytestmark = pytest.mark.django_db
FILE = "default/default/motd"
ROOT = Actor("root", via="admin")


def person(name: str, role: Role, subcluster: str = "") -> Actor:
    """Somebody with an account."""
    user = User.objects.create(username=name)
    Grant.objects.create(user=user, role=role, subcluster=subcluster)
    return Actor(name, via="api")


def guard(place: str = "default", **values: Any) -> None:
    """Have the rule hold."""
    rules.set_rule(ROOT, place, required=True, **values)


def propose(
    actor: Actor, text: str = "hello\n", path: str = FILE, base: int | None = None, **values: Any
) -> Proposal:
    """A proposal for one file."""
    base = stage.head() if base is None else base
    found = submit(actor, stage.entries({path: text}), "Say hello", base=base, **values)
    assert isinstance(found, Proposal)
    return found


def test_without_a_rule_a_change_is_committed_at_once() -> None:
    stage.subcluster()

    made = submit(person("eve", Role.EDITOR), stage.entries({FILE: "hello\n"}), "Hi", base=1)

    assert isinstance(made, Made)
    assert stage.text(FILE) == "hello\n"
    assert not Proposal.objects.exists()


def test_under_the_rule_nothing_is_committed_until_another_person_approves() -> None:
    stage.subcluster()
    guard()
    eve, abe = person("eve", Role.EDITOR), person("abe", Role.APPROVER)
    proposal = propose(eve)
    assert stage.head() == 1

    made = deciding.approve(abe, proposal, "looks right")

    assert stage.text(FILE) == "hello\n"
    assert made.revision is not None
    assert (made.revision.author, made.revision.message) == (
        "eve",
        "Say hello\n\nApproved-by: abe",
    )
    proposal.refresh_from_db()
    assert (proposal.state, proposal.decided_by, proposal.revision) == ("approved", "abe", 2)
    acts = AuditRecord.objects.filter(object=str(proposal)).order_by("id")
    assert list(acts.values_list("actor", "action")) == [("eve", "propose"), ("abe", "approve")]


def test_nobody_approves_what_they_proposed_even_under_another_name() -> None:
    stage.subcluster()
    guard()
    abe = person("abe", Role.ADMIN)
    proposal = propose(abe)

    with pytest.raises(DeniedError, match="another person than abe"):
        deciding.approve(abe, proposal)
    User.objects.filter(username="abe").update(username="ben")
    with pytest.raises(DeniedError, match="another person"):
        deciding.approve(Actor("ben"), proposal)

    assert stage.head() == 1


@pytest.mark.parametrize(
    ("role", "where", "path"),
    [
        (Role.OPERATOR, "", FILE),
        (Role.APPROVER, "other", FILE),
        (Role.APPROVER, "default", "global/motd"),
    ],
)
def test_an_approver_of_every_place_it_touches_is_needed(role: Role, where: str, path: str) -> None:
    stage.subcluster()
    guard("default")
    guard("global")
    proposal = propose(person("eve", Role.ADMIN), path=path)

    with pytest.raises(DeniedError, match="needs the role approver"):
        deciding.approve(person("abe", role, where), proposal)

    proposal.refresh_from_db()
    assert proposal.state == "open"


def test_an_author_who_lost_their_role_has_nothing_committed_any_more() -> None:
    stage.subcluster()
    guard()
    eve, abe = person("eve", Role.EDITOR), person("abe", Role.APPROVER)
    proposal = propose(eve)
    Grant.objects.filter(user__username="eve").update(role=Role.VIEWER)

    with pytest.raises(DeniedError, match="eve may not write all of"):
        deciding.approve(abe, proposal)

    assert stage.head() == 1


def test_a_conflict_leaves_a_proposal_open() -> None:
    stage.subcluster()
    stage.commit({FILE: "one\n"})
    guard()
    proposal = propose(person("eve", Role.EDITOR), "two\n")
    stage.commit({FILE: "three\n"})

    with pytest.raises(ConflictError):
        deciding.approve(person("abe", Role.APPROVER), proposal)

    proposal.refresh_from_db()
    assert (proposal.state, stage.text(FILE)) == ("open", "three\n")


def test_what_others_did_meanwhile_ends_a_proposal_as_failed() -> None:
    stage.subcluster()
    guard()
    proposal = propose(person("eve", Role.EDITOR))
    stage.commit({FILE: "hello\n"})

    with pytest.raises(NothingChangedError):
        deciding.approve(person("abe", Role.APPROVER), proposal)

    proposal.refresh_from_db()
    assert (proposal.state, proposal.decided_by) == ("failed", "abe")


def test_a_proposal_is_decided_once() -> None:
    stage.subcluster()
    guard()
    eve, abe = person("eve", Role.EDITOR), person("abe", Role.APPROVER)
    proposal = propose(eve)
    deciding.reject(abe, proposal, "not now")

    for again in (deciding.approve, deciding.reject):
        with pytest.raises(Refused, match="is rejected already, by abe"):
            again(abe, proposal)
    with pytest.raises(Refused, match="is rejected already"):
        deciding.withdraw(eve, proposal)


def test_its_author_alone_withdraws_a_proposal() -> None:
    stage.subcluster()
    guard()
    eve, abe = person("eve", Role.EDITOR), person("abe", Role.ADMIN)
    proposal = propose(eve)

    with pytest.raises(DeniedError, match="eve alone withdraws"):
        deciding.withdraw(abe, proposal)

    assert deciding.withdraw(eve, proposal).state == "withdrawn"


def test_a_death_between_git_and_the_rows_leaves_an_approval_done() -> None:
    stage.subcluster()
    guard()
    proposal = propose(person("eve", Role.EDITOR))
    deciding.approve(person("abe", Role.APPROVER), proposal)
    Proposal.objects.update(state="open", decided_by="", decided_at=None, revision=None)
    Revision.objects.filter(number=2).delete()

    with pytest.raises(Refused, match="is approved already, by abe"):
        deciding.reject(person("ann", Role.APPROVER), proposal)

    proposal.refresh_from_db()
    assert (proposal.state, proposal.revision, stage.head()) == ("approved", 2, 2)


def test_what_could_not_be_committed_is_not_proposed() -> None:
    stage.subcluster()
    guard()
    eve = person("eve", Role.EDITOR)

    with pytest.raises(Unfit, match="is not defined"):
        propose(eve, "{{ nothing }}\n", f"{FILE}.j2")
    with pytest.raises(Refused, match="which approvals write"):
        submit(eve, stage.entries({FILE: "x"}), "Hi\n\napproved-by: boss", base=1)

    assert not Proposal.objects.exists()


def test_the_same_key_proposes_once() -> None:
    stage.subcluster()
    guard()
    eve = person("eve", Role.EDITOR)

    assert propose(eve, key="k1").pk == propose(eve, key="k1").pk
    assert propose(person("ann", Role.EDITOR), key="k1").pk != propose(eve, key="k1").pk


def test_open_proposals_and_their_size_are_bounded() -> None:
    stage.subcluster()
    guard()
    eve = person("eve", Role.EDITOR)
    now = timezone.now()
    Proposal.objects.bulk_create(
        Proposal(base=1, files=0, size=0, created_at=now, key=f"k{number}")
        for number in range(OPEN_MAX - 1)
    )
    propose(eve, "again\n")

    with pytest.raises(Refused, match=f"{OPEN_MAX} proposals are open"):
        propose(eve, "and again\n")
    with pytest.raises(Refused, match="divide the change"):
        propose(eve, "x" * (CONTENT_BYTES + 1))


def test_an_emergency_commits_past_the_rule_and_is_kept_in_the_trail() -> None:
    stage.subcluster()
    guard()
    change = stage.entries({FILE: "now\n"})

    with pytest.raises(DeniedError, match="admin of every subcluster"):
        submit(
            person("abe", Role.ADMIN, "default"), change, "Quick", base=1, emergency="mail is down"
        )
    made = submit(person("ann", Role.ADMIN), change, "Quick", base=1, emergency="mail is down")

    assert isinstance(made, Made)
    assert stage.text(FILE) == "now\n"
    record = AuditRecord.objects.get(action="emergency")
    assert (record.actor, record.reason) == ("ann", "mail is down")


def test_definitions_change_at_once_unless_the_rule_guards_them() -> None:
    home = stage.subcluster()
    guard()
    stage.add_vip(home, "198.18.0.110")
    guard(definitions=True)

    with pytest.raises(Refused, match="write it into default"):
        stage.add_vip(home, "198.18.0.111")
    set_admin_state(Node.objects.get(name="mta1"), "draining", ROOT)

    text = stage.text(stage.DEFINITIONS)
    assert "draining" in text
    wanted = text.replace("198.18.0.110", "198.18.0.112")
    eve, abe = person("eve", Role.ADMIN), person("abe", Role.APPROVER)
    deciding.approve(abe, propose(eve, wanted, stage.DEFINITIONS))
    assert "198.18.0.112" in stage.text(stage.DEFINITIONS)


def test_old_decisions_go_and_open_proposals_stay() -> None:
    stage.subcluster()
    guard()
    eve, abe = person("eve", Role.EDITOR), person("abe", Role.APPROVER)
    deciding.reject(abe, propose(eve))
    kept = propose(eve)

    deciding.prune(timezone.now() + timedelta(days=366))

    assert [row.pk for row in Proposal.objects.all()] == [kept.pk]


def test_decided_proposals_do_not_fill_the_disk() -> None:
    stage.subcluster()
    guard()
    eve = person("eve", Role.EDITOR)
    made = [deciding.withdraw(eve, propose(eve)) for _ in range(3)]
    Proposal.objects.filter(pk=made[1].pk).update(size=deciding.DECIDED_BYTES)
    kept = propose(eve)

    deciding.prune(timezone.now())

    assert [row.pk for row in Proposal.objects.all()] == [kept.pk, made[2].pk]


def test_a_rule_is_of_a_place_that_there_is() -> None:
    with pytest.raises(Refused, match="there is no subcluster 'nowhere'"):
        guard("nowhere")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Fix", "Fix\n\nApproved-by: abe"),
        ("Fix\r\n\r\nWhy not.\n", "Fix\n\nWhy not.\n\nApproved-by: abe"),
        ("Copy\n\nCopied-from: a@r3", "Copy\n\nCopied-from: a@r3\nApproved-by: abe"),
        ("Note: this", "Note: this\n\nApproved-by: abe"),
        # Read in one go, whatever stands there.
        (f"x\n\n{'a: b' * 40}\n!", f"x\n\n{'a: b' * 40}\n!\n\nApproved-by: abe"),
        (f"x{chr(10) * 60_000}y", f"x{chr(10) * 60_000}y\n\nApproved-by: abe"),
    ],
)
def test_an_approval_is_one_more_trailer(message: str, expected: str) -> None:
    refuse_claims(message)
    assert approved(message, "abe") == expected


@pytest.mark.parametrize("reason", ["Approved-by: abe", "why\n approved-BY : abe"])
def test_no_way_leads_to_an_approval_that_nobody_gave(reason: str) -> None:
    with pytest.raises(Refused, match="which approvals write"):
        message_of(reason, "otherwise")
