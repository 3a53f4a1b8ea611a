"""Changes that wait for another person's word, and where they have to."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.models import Q

ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
STATES = [
    ("open", "Open"),
    ("approved", "Approved"),
    ("rejected", "Rejected"),
    ("withdrawn", "Withdrawn"),
    ("failed", "Failed"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("configs", "0004_wishes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReviewRule",
            fields=[
                ("id", ID.clone()),
                (
                    "place",
                    models.CharField(
                        help_text="Name of a subcluster, or global.", max_length=63, unique=True
                    ),
                ),
                (
                    "required",
                    models.BooleanField(
                        default=True,
                        help_text="Another person approves each commit of files there.",
                    ),
                ),
                (
                    "definitions",
                    models.BooleanField(
                        default=False,
                        help_text="Nodes, VIPs, topologies and settings change by approved "
                        "proposals alone, too.",
                    ),
                ),
            ],
            options={"ordering": ("place",)},
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", ID.clone()),
                ("author", models.CharField(max_length=150)),
                ("message", models.TextField()),
                ("base", models.PositiveBigIntegerField()),
                ("packed", models.BinaryField()),
                ("files", models.PositiveIntegerField()),
                ("size", models.PositiveBigIntegerField()),
                ("state", models.CharField(choices=STATES, default="open", max_length=9)),
                ("created_at", models.DateTimeField()),
                ("key", models.CharField(max_length=128, unique=True)),
                ("asked_key", models.CharField(blank=True, max_length=128)),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(null=True)),
                ("comment", models.TextField(blank=True, max_length=2000)),
                ("revision", models.PositiveBigIntegerField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["state", "-id"], name="proposal_state")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=~Q(("asked_key", "")),
                        fields=("author", "asked_key"),
                        name="proposal_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ProposalPlace",
            fields=[
                ("id", ID.clone()),
                ("name", models.CharField(db_index=True, max_length=63)),
                (
                    "proposal",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="places",
                        to="configs.proposal",
                    ),
                ),
            ],
            options={
                "ordering": ("name",),
                "constraints": [
                    models.UniqueConstraint(fields=("proposal", "name"), name="proposal_place_once")
                ],
            },
        ),
    ]
