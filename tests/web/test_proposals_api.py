"""Proposals through the API and the command line: made, read by whom they concern, decided."""

import json
from pathlib import Path
from typing import Any

import pytest

from cluster_admin.configs.proposal_models import Proposal
from tests.unit.cli.operator import Done
from tests.web import config_seeding, seeding
from tests.web.api_client import Answer, Api, administrator, newest
from tests.web.config_stage import commit, head, subcluster, text
from tests.web.shell import Shell
from workers.exit_codes import Exit

pytestmark = pytest.mark.django_db
FILE = "default/default/motd"
RULE = "config/review-rules/default/"


@pytest.fixture
def ada() -> Api:
    """An administrator, where commits to `default` wait for another person."""
    subcluster()
    subcluster("other", "198.19.0", "oth")
    commit({FILE: "hello\n"})
    api = administrator()
    assert api.put(RULE, {"required": True}).status == 200
    return api


@pytest.fixture
def eve(ada: Api) -> Api:
    return Api(seeding.user("eve", "editor", "default"))


@pytest.fixture
def abe(ada: Api) -> Api:
    return Api(seeding.user("abe", "approver", "default"))


def send(api: Api, path: str = FILE, where: str = "commits", **values: Any) -> Answer:
    change = {"path": path, "text": "good day\n"}
    body = {"base": head(), "message": "Greet better", "changes": [change], **values}
    return api.post(f"config/{where}/", body)


def test_a_commit_under_the_rule_is_a_proposal_that_another_person_approves(
    eve: Api, abe: Api
) -> None:
    before = head()

    proposed = send(eve)

    number = proposed.body["number"]
    assert (proposed.status, proposed.body["state"]) == (202, "open")
    assert proposed.headers["Location"] == f"/api/v1/config/proposals/{number}/"
    assert head() == before
    told = abe.get(f"config/proposals/{number}/").body
    assert (told["author"], told["places"], told["obstacle"]) == ("eve", ["default"], "")
    assert "+good day" in told["diff"]["text"]
    assert sorted(told["nodes"]) == ["mta1", "mta2"]
    assert "+good day" in told["nodes"]["mta1"]["text"]

    made = abe.post(f"config/proposals/{number}/approve/", {"comment": "fine"})

    assert (made.status, made.body["author"], made.body["revision"]) == (201, "eve", before + 1)
    assert text(FILE) == "good day\n"
    told = eve.get(f"config/proposals/{number}/").body
    assert (told["state"], told["decided_by"], told["comment"]) == ("approved", "abe", "fine")
    assert told["revision"] == before + 1
    assert newest(action="approve").subcluster == "default"


def test_who_may_not_decide_is_refused_and_audited(eve: Api, abe: Api) -> None:
    number = send(eve).body["number"]
    olga = Api(seeding.user("olga", "operator", "default"))

    for api, sentence in ((eve, "another person"), (olga, "the role approver")):
        answer = api.post(f"config/proposals/{number}/approve/", {})
        assert answer.problem == (403, "forbidden")
        assert sentence in answer.body["detail"]
    assert newest(outcome="denied").actor == "olga"
    assert abe.post(f"config/proposals/{number}/withdraw/", {}).problem == (403, "forbidden")
    assert eve.post(f"config/proposals/{number}/withdraw/", {}).body["state"] == "withdrawn"
    assert abe.post(f"config/proposals/{number}/reject/", {}).problem == (409, "refused")


def test_readers_of_another_subcluster_see_nothing_of_it(eve: Api, ada: Api) -> None:
    number = send(eve).body["number"]
    oda = Api(seeding.user("oda", "admin", "other"))

    assert oda.get("config/proposals/").body["results"] == []
    assert oda.get(f"config/proposals/{number}/").problem == (403, "forbidden")
    assert oda.post(f"config/proposals/{number}/reject/", {}).problem == (403, "forbidden")
    assert [row["number"] for row in ada.get("config/proposals/").body["results"]] == [number]
    assert ada.get("config/proposals/?state=rejected").body["results"] == []


def test_a_change_of_two_places_is_seen_by_whoever_reads_both(ada: Api) -> None:
    change = [{"path": path, "text": "x\n"} for path in (FILE, "other/default/motd")]
    number = send(ada, changes=change).body["number"]

    for name, places, seen in (("uma", ("default", "other"), 1), ("vic", ("other",), 0)):
        user = seeding.user(name, "viewer", places[0])
        for place in places[1:]:
            user.grants.create(role="viewer", subcluster=place)
        rows = Api(user).get("config/proposals/").body["results"]
        assert len(rows) == seen, name
    assert ada.get(f"config/proposals/{number}/").body["places"] == ["default", "other"]


def test_a_conflict_is_told_and_leaves_it_open(eve: Api, abe: Api) -> None:
    number = send(eve).body["number"]
    commit({FILE: "good night\n"})

    told = abe.get(f"config/proposals/{number}/").body
    assert told["conflicts"] == [FILE]
    assert "changed both here and since" in told["obstacle"]
    answer = abe.post(f"config/proposals/{number}/approve/", {})

    assert answer.problem == (409, "conflict")
    assert Proposal.objects.get(pk=number).state == "open"
    assert text(FILE) == "good night\n"


@pytest.mark.parametrize("way", ["revert", "copy", "put"])
def test_every_way_to_commit_goes_by_the_rule(ada: Api, way: str) -> None:
    commit({FILE: "good night\n", "other/default/new": "1\n"})
    before = head()
    if way == "revert":
        answer = ada.post("config/revert/", {"revision": before})
    elif way == "copy":
        answer = ada.post("config/copy/", {"from": "other/default", "to": "default/mta1"})
    else:
        config_seeding.stand("mta1", before)
        config_seeding.edit("mta1", "motd", b"edited\n", before)
        answer = ada.post("config/nodes/mta1/put/", {})

    assert (answer.status, answer.body["state"]) == (202, "open")
    assert head() == before


def test_an_emergency_is_for_administrators_of_everything(ada: Api, eve: Api) -> None:
    assert send(eve, emergency="mail is down").problem == (403, "forbidden")

    made = send(ada, emergency="mail is down")

    assert (made.status, text(FILE)) == (201, "good day\n")
    assert newest(action="emergency").reason == "mail is down"


def test_a_proposal_can_be_made_where_no_rule_asks(ada: Api) -> None:
    proposed = send(ada, "other/default/motd", "proposals")
    tried = send(ada, "other/default/motd", "proposals", dry_run=True)

    assert (proposed.status, proposed.body["places"]) == (202, ["other"])
    assert (tried.status, tried.body["dry_run"]) == (200, True)
    assert Proposal.objects.count() == 1


def test_rules_are_set_by_administrators_of_everything(ada: Api, abe: Api) -> None:
    rules = {"place": "default", "required": True, "definitions": True}

    assert abe.put(RULE, {"required": False}).problem == (403, "forbidden")
    ida = Api(seeding.user("ida", "admin", "default"))
    assert ida.put(RULE, {"required": False}).problem == (403, "forbidden")
    assert ada.put(RULE, {"required": False, "definitions": True}).problem == (409, "refused")
    assert ada.put(f"{RULE}?dry_run=1", {"required": False}).body["diff"]
    assert ada.get(RULE).body == rules | {"definitions": False}
    assert ada.put(RULE, {"required": True, "definitions": True}).body == rules
    assert ada.put("config/review-rules/none/", {"required": True}).problem == (404, "not_found")
    places = [row["place"] for row in abe.get("config/review-rules/").body]
    assert places == ["global", "default"]
    record = newest(action="update", kind="review rule")
    assert record.after == {"required": True, "definitions": True}


def test_bad_input_is_refused_by_name(eve: Api) -> None:
    number = send(eve).body["number"]

    for where, body, problem in (
        (f"{number}/approve/", {"remark": "x"}, (400, "invalid")),
        (f"{number}/approve/", {"comment": "x" * 3000}, (400, "invalid")),
        ("999999/approve/", {}, (404, "not_found")),
        ("999999999999999/reject/", {}, (404, "not_found")),
    ):
        assert eve.post(f"config/proposals/{where}", body).problem == problem
    assert send(eve, message="x\n\nApproved-by: abe").problem == (409, "refused")


def proposals(shell: Shell, words: str = "") -> Done:
    return shell.types(f"muster config proposals {words}")


@pytest.mark.one_database
def test_proposals_are_made_seen_and_decided_in_the_shell(
    tmp_path: Path, eve: Api, abe: Api
) -> None:
    editor, approver = (Shell(tmp_path, api.secret) for api in (eve, abe))
    before = head()

    made = editor.types(f"muster config revert {before} -o json")

    (told,) = json.loads(made.stdout)
    number = told["proposal"]
    assert made.exit_code == Exit.OK
    assert f"nothing is committed yet, this is proposal {number}" in made.stderr
    assert "eve" in proposals(approver).stdout
    shown = proposals(approver, str(number))
    assert "=== in the repository" in shown.stdout
    assert "-hello" in shown.stdout
    assert proposals(approver, f"{number} --approve --dry-run").exit_code == Exit.CHANGES_PENDING
    assert proposals(editor, f"{number} --approve").exit_code == Exit.REFUSED
    assert proposals(approver, f"{number} --approve --reject").exit_code == Exit.USAGE
    assert proposals(approver, "--approve").exit_code == Exit.USAGE
    done = proposals(approver, f"{number} --approve -m fine")
    assert (done.exit_code, head()) == (Exit.OK, before + 1)
    assert proposals(approver, f"{number} --reject").exit_code == Exit.REFUSED
    assert "fine" in proposals(approver, "--filter state=approved -o json").stdout
    assert "approved" in proposals(approver, "--all").stdout
    assert "approved" not in proposals(approver).stdout


@pytest.mark.one_database
def test_a_working_copy_keeps_its_edits_until_the_proposal_is_approved(
    tmp_path: Path, eve: Api, abe: Api
) -> None:
    shell, place = Shell(tmp_path, eve.secret), tmp_path / "copy"
    assert shell.types(f"muster config init {place}").exit_code == Exit.OK
    (place / FILE).write_text("good day\n")

    done = shell.types(f"muster config commit -m Greet -C {place}")

    assert (done.exit_code, "is proposal" in done.stderr) == (Exit.OK, True)
    assert FILE in shell.types(f"muster config status -C {place}").stdout
    number = Proposal.objects.get().pk
    assert proposals(Shell(tmp_path, abe.secret), f"{number} --approve").exit_code == Exit.OK
    assert shell.types(f"muster config pull -C {place}").exit_code == Exit.OK
    assert FILE not in shell.types(f"muster config status -C {place}").stdout
    assert (place / FILE).read_text() == "good day\n"


@pytest.mark.one_database
def test_rules_are_seen_and_set_in_the_shell(tmp_path: Path, ada: Api) -> None:
    shell = Shell(tmp_path, ada.secret)

    tried = shell.types("muster config review-rule other --required --dry-run")
    done = shell.types("muster config review-rule other --required --definitions --reason Audit")

    assert (tried.exit_code, done.exit_code) == (Exit.CHANGES_PENDING, Exit.OK)
    rows = json.loads(shell.types("muster config review-rules -o json").stdout)
    assert {"place": "other", "required": True, "definitions": True} in rows
