"""The first tables of replication: shared tables, limits, exemptions, what holds for all."""

import django.db.models.deletion
from django.db import migrations, models

from cluster_admin.inventory.fields import WORD, plain


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("inventory", "0003_what_fails_on_a_node"),
    ]

    operations = [
        migrations.CreateModel(
            name="LimitExemption",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=63, validators=[WORD])),
                ("limit", models.CharField(blank=True, max_length=63, validators=[plain])),
                ("key", models.CharField(max_length=512, validators=[plain])),
                ("most", models.PositiveBigIntegerField(blank=True, null=True)),
                (
                    "subcluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="inventory.subcluster"
                    ),
                ),
            ],
            options={
                "verbose_name": "exemption",
                "ordering": ("subcluster", "name"),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("subcluster"), models.F("name"), name="exemption_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Limiting",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "cut_off",
                    models.CharField(
                        choices=[("share", "share"), ("full", "full"), ("refuse", "refuse")],
                        default="share",
                        max_length=40,
                    ),
                ),
                (
                    "test",
                    models.BooleanField(
                        default=False, verbose_name="only say what limits would refuse"
                    ),
                ),
                (
                    "subcluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, to="inventory.subcluster"
                    ),
                ),
            ],
            options={
                "verbose_name": "limiting",
                "verbose_name_plural": "limiting",
                "constraints": [
                    models.UniqueConstraint(models.F("subcluster"), name="limiting_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="ReplicatedTable",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=63, validators=[WORD])),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("connections-inbound", "connections-inbound"),
                            ("connections-outbound", "connections-outbound"),
                            ("domain-connections", "domain-connections"),
                            ("binding-domain-connections", "binding-domain-connections"),
                            ("throttle-messages", "throttle-messages"),
                            ("throttle-connections", "throttle-connections"),
                            ("named-throttles", "named-throttles"),
                            ("series-connect", "series-connect"),
                            ("series-reception", "series-reception"),
                            ("series-rejection", "series-rejection"),
                            ("series-delivery", "series-delivery"),
                            ("series-transfail", "series-transfail"),
                            ("series-permfail", "series-permfail"),
                            ("audit-series", "audit-series"),
                            ("gauge-cache", "gauge-cache"),
                            ("cache", "cache"),
                            ("manager-metrics", "manager-metrics"),
                        ],
                        max_length=40,
                    ),
                ),
                ("parameters", models.JSONField(blank=True, default=dict)),
                ("max_delay", models.FloatField(default=1.0)),
                ("max_pending", models.PositiveBigIntegerField(default=100)),
                ("max_size", models.PositiveBigIntegerField(default=1000000)),
                ("binding_group", models.CharField(blank=True, max_length=200, validators=[plain])),
                (
                    "table_class",
                    models.CharField(
                        blank=True, max_length=200, validators=[plain], verbose_name="class"
                    ),
                ),
                ("snapshot", models.BooleanField(default=True)),
                (
                    "scope",
                    models.CharField(
                        choices=[("cluster", "cluster"), ("subcluster", "subcluster")],
                        default="subcluster",
                        max_length=40,
                    ),
                ),
                (
                    "subcluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="inventory.subcluster"
                    ),
                ),
            ],
            options={
                "verbose_name": "replicated table",
                "ordering": ("subcluster", "name"),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("subcluster"), models.F("name"), name="shared_table_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TrafficLimit",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=63, validators=[WORD])),
                (
                    "subject",
                    models.CharField(
                        choices=[
                            ("inbound-connections", "inbound-connections"),
                            ("inbound-open", "inbound-open"),
                            ("inbound-messages", "inbound-messages"),
                            ("inbound-recipients", "inbound-recipients"),
                            ("outbound-connections", "outbound-connections"),
                            ("outbound-server-connections", "outbound-server-connections"),
                            ("outbound-scope-connections", "outbound-scope-connections"),
                            ("outbound-messages", "outbound-messages"),
                            ("outbound-connection-rate", "outbound-connection-rate"),
                            ("named", "named"),
                        ],
                        max_length=40,
                    ),
                ),
                (
                    "per",
                    models.CharField(
                        choices=[
                            ("address", "address"),
                            ("network", "network"),
                            ("sender", "sender"),
                            ("sender-domain", "sender-domain"),
                            ("recipient", "recipient"),
                            ("recipient-domain", "recipient-domain"),
                            ("sasl-user", "sasl-user"),
                            ("global", "global"),
                            ("domain", "domain"),
                            ("host", "host"),
                            ("binding", "binding"),
                        ],
                        max_length=40,
                    ),
                ),
                ("most", models.PositiveBigIntegerField()),
                ("window", models.FloatField(default=0.0)),
                (
                    "prefix_v4",
                    models.PositiveSmallIntegerField(default=32, verbose_name="IPv4 prefix"),
                ),
                (
                    "prefix_v6",
                    models.PositiveSmallIntegerField(default=64, verbose_name="IPv6 prefix"),
                ),
                ("match", models.CharField(blank=True, max_length=512, validators=[plain])),
                ("binding", models.CharField(blank=True, max_length=512, validators=[plain])),
                ("host", models.CharField(blank=True, max_length=512, validators=[plain])),
                ("domain", models.CharField(blank=True, max_length=512, validators=[plain])),
                ("stage", models.CharField(blank=True, max_length=40, validators=[plain])),
                (
                    "action",
                    models.CharField(
                        choices=[("defer", "defer"), ("reject", "reject"), ("hold", "hold")],
                        default="defer",
                        max_length=40,
                    ),
                ),
                ("message", models.CharField(blank=True, max_length=200, validators=[plain])),
                (
                    "test",
                    models.BooleanField(
                        default=False, verbose_name="only say what it would refuse"
                    ),
                ),
                ("throttle", models.CharField(blank=True, max_length=63, validators=[plain])),
                ("enabled", models.BooleanField(default=True)),
                (
                    "subcluster",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, to="inventory.subcluster"
                    ),
                ),
            ],
            options={
                "verbose_name": "limit",
                "ordering": ("subcluster", "name"),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("subcluster"), models.F("name"), name="limit_once"
                    )
                ],
            },
        ),
    ]
