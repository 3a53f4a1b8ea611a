"""The VIPs' part of the definitions: rows to values and back."""

from dataclasses import replace

from django.db import models

from cluster_admin.inventory.definitions import sync, texts, with_proposal
from cluster_admin.inventory.models import Subcluster
from cluster_admin.vips.models import Vip, address_key
from workers.failover.core import definitions as core
from workers.failover.core.toml_text import Problem


def build(
    definitions: core.Definitions, subcluster: Subcluster, proposal: models.Model | None
) -> core.Definitions:
    """Add the subcluster's VIPs to its definitions."""
    rows = with_proposal(subcluster.vip_set.all(), proposal, Vip)
    addresses = {row.pk: row.address for row in rows if row.pk is not None}
    return replace(definitions, vips={row.address: _vip(row, addresses) for row in rows})


def load(definitions: core.Definitions, subcluster: Subcluster) -> None:
    """Make the rows say what a file says; who follows whom is set once all rows exist."""
    _refuse_foreign(definitions, subcluster)
    rows = Vip.objects.filter(subcluster=subcluster)
    rows.exclude(follow=None).update(follow=None)
    sync(
        rows,
        "address",
        {
            one.address: Vip(
                subcluster=subcluster,
                address=one.address,
                address_key=address_key(one.address),
                description=one.description,
                prefer=list(one.prefer),
                weight=one.weight,
                check_command=one.check,
                hook=one.hook,
                binding=one.binding,
            )
            for one in definitions.vips.values()
        },
    )
    followers = [one for one in definitions.vips.values() if one.follow]
    if followers:
        by_address = {row.address: row for row in rows.all()}
        for one in followers:
            by_address[one.address].follow = by_address[one.follow]
        Vip.objects.bulk_update(
            [by_address[one.address] for one in followers], ["follow"], batch_size=500
        )


def _refuse_foreign(definitions: core.Definitions, subcluster: Subcluster) -> None:
    others = Vip.objects.exclude(subcluster=subcluster).select_related("subcluster")
    taken = others.filter(address__in=list(definitions.vips)).first()
    if taken:
        raise Problem(
            ("vip", taken.address),
            f"VIP {taken.address} is in subcluster {taken.subcluster}; an address is a VIP once in "
            "the cluster: remove it there or choose another",
        )


def _vip(row: Vip, addresses: dict[int, str]) -> core.Vip:
    follow = ""
    if row.follow_id is not None:
        follow = addresses.get(row.follow_id) or row.follow.address  # type: ignore[union-attr]
    return core.Vip(
        address=row.address,
        prefer=texts(row.prefer, ("vip", row.address, "prefer")),
        follow=follow,
        weight=row.weight,
        check=row.check_command,
        hook=row.hook,
        binding=row.binding,
        description=row.description,
    )
