"""Hosts of interest of a topology; the knobs of health checks, hooks and announcements."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="topology",
            name="interest",
            field=models.JSONField(blank=True, default=list, verbose_name="hosts of interest"),
        ),
        migrations.AlterField(
            model_name="setting",
            name="name",
            field=models.CharField(
                choices=[
                    ("heartbeat_interval", "heartbeat_interval"),
                    ("dead_after", "dead_after"),
                    ("lease_ttl", "lease_ttl"),
                    ("start_delay", "start_delay"),
                    ("view_mature_time", "view_mature_time"),
                    ("balance_interval", "balance_interval"),
                    ("balance_set_size", "balance_set_size"),
                    ("handoff_timeout", "handoff_timeout"),
                    ("definition_wait", "definition_wait"),
                    ("probe_count", "probe_count"),
                    ("probe_interval", "probe_interval"),
                    ("audit_interval", "audit_interval"),
                    ("flap_limit", "flap_limit"),
                    ("announce_count", "announce_count"),
                    ("announce_period", "announce_period"),
                    ("announce_to", "announce_to"),
                    ("partition_policy", "partition_policy"),
                    ("check_interval", "check_interval"),
                    ("check_timeout", "check_timeout"),
                    ("check_fall", "check_fall"),
                    ("hook_timeout", "hook_timeout"),
                    ("on_change", "on_change"),
                ],
                max_length=40,
            ),
        ),
    ]
