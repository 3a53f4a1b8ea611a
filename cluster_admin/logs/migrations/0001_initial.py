"""The first tables of logs: which ones nodes ship, and who takes them."""

import django.db.models.deletion
from django.db import migrations, models

import cluster_admin.inventory.fields
from cluster_admin.inventory.fields import WORD


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("inventory", "0003_what_fails_on_a_node"),
    ]

    operations = [
        migrations.CreateModel(
            name="LogSource",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=63, validators=[WORD])),
                (
                    "path",
                    models.CharField(
                        max_length=500, validators=[cluster_admin.inventory.fields.plain]
                    ),
                ),
                ("nodes", models.JSONField(blank=True, default=list)),
                (
                    "subcluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="inventory.subcluster"
                    ),
                ),
            ],
            options={
                "verbose_name": "log source",
                "ordering": ("subcluster", "name"),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("subcluster"), models.F("name"), name="log_source_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="LogSubscriber",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=63, validators=[WORD])),
                ("backlog_bytes", models.PositiveBigIntegerField(default=1073741824)),
                (
                    "subcluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="inventory.subcluster"
                    ),
                ),
            ],
            options={
                "verbose_name": "log subscriber",
                "ordering": ("subcluster", "name"),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("subcluster"), models.F("name"), name="log_subscriber_once"
                    )
                ],
            },
        ),
    ]
