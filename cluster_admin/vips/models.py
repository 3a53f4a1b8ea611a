"""Virtual addresses as rows, and who holds each as the listener last heard.

Rules beyond a field are the core's, asked by `Defining.clean`. An address is a VIP once in the
whole cluster.
"""

import ipaddress
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.db import models

from cluster_admin.inventory.fields import plain
from cluster_admin.inventory.models import Defining
from workers.failover.core import standing as core


def address_key(address: str) -> str:
    """Text that sorts as addresses do by number: the version, then the bytes in hexadecimal."""
    packed = ipaddress.ip_address(address).packed
    return f"{4 if len(packed) == 4 else 6}{packed.hex()}"


class Vip(Defining):
    """A virtual address. `prefer`: node names, first choice first; `follow`: where it sits."""

    address = models.CharField(max_length=45, unique=True)
    description = models.CharField(max_length=200, blank=True, validators=[plain])
    prefer = models.JSONField(default=list, blank=True)
    follow = models.ForeignKey("self", models.PROTECT, null=True, blank=True)
    weight = models.PositiveIntegerField(default=1)
    check_command = models.CharField(
        max_length=500, blank=True, validators=[plain], verbose_name="health check"
    )
    hook = models.CharField(max_length=500, blank=True, validators=[plain])
    binding = models.CharField(max_length=63, blank=True)
    address_key = models.CharField(max_length=33, editable=False, db_index=True)
    """Sorts as the address does by number: `save` and `address_key` keep it."""
    spelled: ClassVar[dict[str, str]] = {"check": "check_command"}

    class Meta:
        """By number, IPv4 first."""

        ordering = ("address_key",)
        verbose_name = "VIP"

    def __str__(self) -> str:
        return self.address

    def clean(self) -> None:
        """Spell the address in its one way first, so that a duplicate is seen as one."""
        try:
            self.address = str(ipaddress.ip_address(self.address))
        except ValueError:
            way = "write an IPv4 or IPv6 address such as 198.18.0.101 or 2001:db8::101"
            sentence = f"{self.address!r} is not an address; {way}"
            raise ValidationError({"address": sentence}) from None
        super().clean()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keep the key by which addresses sort."""
        self.address_key = address_key(self.address)
        super().save(*args, **kwargs)

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.address else 4

    @property
    def last_heard(self) -> "VipStatus":
        """Its state row; one that knows nothing before anything was heard."""
        found: VipStatus = getattr(self, "status", NOTHING_HEARD)
        return found


class VipStatus(models.Model):
    """Who holds a VIP, since when and why, as last heard."""

    class State(models.TextChoices):
        """How a VIP is; the label is what people read."""

        OWNED = core.State.OWNED.value, "owned"
        UNOWNED = core.State.UNOWNED.value, "unowned"
        UNSAFE = core.State.UNSAFE.value, "UNSAFE"
        BROKEN = core.State.BROKEN.value, "BROKEN"
        CONFLICT = core.State.CONFLICT.value, "conflict"
        STUCK = core.State.STUCK.value, "stuck"
        FOREIGN = core.State.FOREIGN.value, "foreign"
        UNKNOWN = core.State.UNKNOWN.value, "unknown"

    class Cause(models.TextChoices):
        """What lies behind a state that has several."""

        NONE = core.Cause.NONE.value, "none"
        TWO_OWNERS = core.Cause.TWO_OWNERS.value, "two owners"
        NOT_EVERYWHERE = core.Cause.NOT_EVERYWHERE.value, "some node could not take it"
        HOOK = core.Cause.HOOK.value, "its hook is not fenced"
        NO_HEIR = core.Cause.NO_HEIR.value, "no other node could take it"

    vip = models.OneToOneField(
        Vip, models.CASCADE, primary_key=True, related_name="status", editable=False
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.UNKNOWN)
    owner = models.CharField(max_length=63, blank=True, db_index=True)
    epoch = models.PositiveBigIntegerField(default=0)
    since = models.DateTimeField(null=True)
    reason = models.CharField(max_length=200, blank=True)
    previous = models.CharField(max_length=63, blank=True)
    holders = models.JSONField(default=list)
    """Every node that says its kernel has it; more than one is UNSAFE."""
    cause = models.CharField(max_length=16, blank=True, choices=Cause.choices)
    note = models.CharField(max_length=core.SENTENCE_MAX, blank=True)
    """What is to be known of its state, one sentence; empty when all is well."""
    seen_at = models.DateTimeField(null=True)

    class Meta:
        """As its VIP."""

        verbose_name_plural = "VIP states"

    def __str__(self) -> str:
        return f"{self.vip_id} is {self.state}"


NOTHING_HEARD = VipStatus()
