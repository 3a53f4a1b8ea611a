"""What operators say about deployments: the pointer of a subcluster, one node alone.

Each is written down with its audit record, then nodes are told. The repository's own revisions are
not touched here.
"""

from django.db import transaction

from cluster_admin.audit import services as audit
from cluster_admin.audit.actor import Actor
from cluster_admin.configs import deployments, rollouts, sending, store, wishes
from cluster_admin.configs.models import Deployment, Replica
from cluster_admin.configs.packs import head_of
from cluster_admin.inventory.models import Node, Subcluster
from cluster_admin.inventory.refusals import Refused
from workers.repository.errors import UnknownRevisionError


def deploy(
    actor: Actor,
    subcluster: Subcluster,
    *,
    revision: int | None = None,
    mode: str = "",
    reason: str = "",
) -> Deployment:
    """Move the pointer of a subcluster, or have it follow each commit; `Refused`.

    A revision alone means deployment by hand; `manual` alone holds what is deployed now.
    """
    mode = mode or (Deployment.Mode.MANUAL if revision is not None else "")
    if mode not in Deployment.Mode.values:
        raise Refused(f"{mode!r} is no mode; say manual or follow, or a revision", ("mode",))
    if mode == Deployment.Mode.FOLLOW and revision is not None:
        way = "leave the revision out, or say manual"
        raise Refused(f"a subcluster that follows has the newest revision; {way}", ("revision",))
    with transaction.atomic():
        locked = Subcluster.objects.select_for_update().get(pk=subcluster.pk)
        rollouts.refuse_meddling(locked.name)
        before = _values(deployments.pointer(locked.name))
        number = _chosen(locked, revision)
        if mode == Deployment.Mode.MANUAL:
            Replica.objects.filter(subcluster=locked.name).update(wanted=number)
        made, _ = Deployment.objects.update_or_create(
            subcluster=locked, defaults={"mode": mode, "revision": number}
        )
        audit.record(
            actor,
            "deploy",
            kind="deployment",
            object=locked.name,
            subcluster=locked.name,
            reason=reason,
            before=before,
            after=_values(made),
        )
        transaction.on_commit(sending.announce, robust=True)
    return made


def apply(
    actor: Actor, node: Node, *, revision: int = 0, over_edits: bool = False, reason: str = ""
) -> None:
    """Have one node apply its target now, or `revision`, if its subcluster is deployed by hand.

    For nodes that do nothing by themselves, and to replace local edits. The order has been taken by
    the broker when this returns; `Refused` when it was not, or it cannot be.
    """
    follows = deployments.pointer(node.subcluster.name).mode == Deployment.Mode.FOLLOW
    head = head_of(store.repository())
    if follows and revision not in (0, head.number):
        way = f"deploy by hand first: muster config deploy {node.subcluster.name} --manual"
        raise Refused(f"subcluster {node.subcluster.name} follows, r{head.number} is next; {way}")
    with transaction.atomic():
        if revision and not follows:
            rollouts.refuse_meddling(node.subcluster.name)
            _revision(revision)
            Replica.objects.filter(node=node.name).update(wanted=revision)
        aim = deployments.target_of(node, head).revision
        wish = wishes.ask(node.name, aim, over_edits=over_edits)
        if not wish:
            way = "start its worker, and try again"
            raise Refused(f"{node.name} was never heard of; {way}")
        audit.record(
            actor,
            "apply",
            kind="node",
            object=node.name,
            subcluster=node.subcluster.name,
            reason=reason,
            after={"revision": revision or None, "over_edits": over_edits},
        )
    try:
        _send_now(node.name)
    except Refused:
        wishes.withdraw(node.name, wish)
        raise


def _send_now(node: str) -> None:
    try:
        refused = sending.send({node: sending.Asked()})
    except Exception as error:  # a broker's client raises many kinds
        way = "see that the broker is up, and try again"
        raise Refused(f"{node} cannot be told: {error or type(error).__name__}; {way}") from error
    if refused:
        raise Refused(f"{node} cannot be told: {refused[node]}")


def _chosen(subcluster: Subcluster, revision: int | None) -> int:
    """The revision that the pointer shall have: the one given, or what is deployed now."""
    if revision is not None:
        return _revision(revision)
    now = deployments.pointer(subcluster.name)
    if now.mode == Deployment.Mode.MANUAL:
        return now.revision
    head = store.repository().head()
    return 0 if head is None else head.number


def _revision(number: int) -> int:
    """`number`, if there is such a revision."""
    try:
        return store.repository().revision(number).number
    except UnknownRevisionError as error:
        raise Refused(str(error), ("revision",)) from error


def _values(row: Deployment) -> dict[str, object]:
    return {"mode": str(row.mode), "revision": row.revision}
