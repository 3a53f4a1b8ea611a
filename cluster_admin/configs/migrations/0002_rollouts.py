"""Rollouts, and what happened in them."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models import Q

ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")
PHASES = [
    ("running", "running"),
    ("paused", "paused"),
    ("turning_back", "turning back"),
    ("done", "done"),
    ("turned_back", "turned back"),
    ("aborted", "aborted"),
]


class Migration(migrations.Migration):
    dependencies = [("configs", "0001_configuration")]

    operations = [
        migrations.CreateModel(
            name="Rollout",
            fields=[
                ("id", ID.clone()),
                ("subcluster", models.CharField(db_index=True, max_length=63)),
                ("revision", models.PositiveBigIntegerField()),
                ("previous", models.PositiveBigIntegerField(default=0)),
                ("phase", models.CharField(choices=PHASES, max_length=12)),
                ("state", models.JSONField()),
                ("started_by", models.CharField(max_length=150)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ("-id",),
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(("ended_at", None)),
                        fields=("subcluster",),
                        name="rollout_one_at_a_time",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RolloutFact",
            fields=[
                ("id", ID.clone()),
                ("at", models.DateTimeField()),
                ("node", models.CharField(blank=True, max_length=63)),
                ("what", models.CharField(max_length=12)),
                ("sentence", models.CharField(blank=True, max_length=1000)),
                (
                    "rollout",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="facts",
                        to="configs.rollout",
                    ),
                ),
            ],
            options={"ordering": ("id",)},
        ),
    ]
