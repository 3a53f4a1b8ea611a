"""One-time tokens of nodes, and nodes' broker accounts."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

ID = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    initial = True

    dependencies = [("inventory", "0003_what_fails_on_a_node")]

    operations = [
        migrations.CreateModel(
            name="BrokerAccount",
            fields=[
                ("id", ID.clone()),
                ("name", models.CharField(max_length=63, unique=True)),
                ("subcluster", models.CharField(max_length=63)),
                ("held_at", models.DateTimeField(blank=True, null=True)),
                ("gone_since", models.DateTimeField(blank=True, null=True)),
            ],
            options={"ordering": ("name",)},
        ),
        migrations.CreateModel(
            name="JoinToken",
            fields=[
                ("id", ID.clone()),
                ("number", models.CharField(editable=False, max_length=16, unique=True)),
                ("token_hash", models.CharField(editable=False, max_length=64)),
                ("created_by", models.CharField(max_length=150)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField(db_index=True)),
                ("attempt", models.CharField(blank=True, max_length=64)),
                ("redeemed_at", models.DateTimeField(blank=True, null=True)),
                ("redeemed_from", models.CharField(blank=True, max_length=45)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "node",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="join_tokens",
                        to="inventory.node",
                    ),
                ),
            ],
            options={"ordering": ("-id",)},
        ),
    ]
