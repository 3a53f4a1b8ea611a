"""Notifications: who is told, and what they were told."""

import django.db.models.deletion
from django.db import migrations, models

import cluster_admin.events.models
import cluster_admin.inventory.fields


class Migration(migrations.Migration):
    dependencies = [
        ("events", "0001_history"),
    ]

    operations = [
        migrations.CreateModel(
            name="NotificationTarget",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("webhook", "Webhook"), ("mail", "Mail")], max_length=10
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        max_length=500, validators=[cluster_admin.inventory.fields.plain]
                    ),
                ),
                (
                    "subcluster",
                    models.CharField(
                        blank=True, max_length=63, validators=[cluster_admin.inventory.fields.plain]
                    ),
                ),
                ("kinds", models.JSONField(default=cluster_admin.events.models.every_topic)),
                ("enabled", models.BooleanField(default=True)),
                (
                    "secret",
                    models.CharField(
                        blank=True,
                        max_length=200,
                        validators=[cluster_admin.inventory.fields.plain],
                    ),
                ),
            ],
            options={
                "ordering": ("kind", "address", "subcluster"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("kind", "address", "subcluster"), name="notification_target_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "topic",
                    models.CharField(
                        choices=[
                            ("moved", "a VIP moved to another node"),
                            ("unsafe", "two living nodes have a VIP"),
                            ("conflict", "two nodes claimed a VIP; the lower claim lets go"),
                            ("stuck", "a silent node still answers for a VIP"),
                            ("foreign", "a stranger answers for a VIP"),
                            ("dead", "a node is dead"),
                        ],
                        max_length=10,
                    ),
                ),
                ("subcluster", models.CharField(max_length=63)),
                ("node", models.CharField(blank=True, max_length=63)),
                ("cause", models.CharField(blank=True, max_length=200)),
                ("subjects", models.JSONField(default=list)),
                ("count", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("next_at", models.DateTimeField()),
                ("last_error", models.CharField(blank=True, max_length=1000)),
                ("sent_at", models.DateTimeField(null=True)),
                (
                    "event",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="events.event",
                    ),
                ),
                (
                    "target",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="events.notificationtarget"
                    ),
                ),
            ],
            options={
                "ordering": ("-id",),
                "indexes": [models.Index(fields=["state", "next_at"], name="notification_due")],
                "constraints": [
                    models.UniqueConstraint(fields=("event", "target"), name="notification_once")
                ],
            },
        ),
    ]
