"""A node tells which health checks fail there, and which VIPs its kernel refuses."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0002_hosts_of_interest_and_knobs"),
    ]

    operations = [
        migrations.AddField(
            model_name="nodestatus",
            name="unhealthy",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="nodestatus",
            name="refusals",
            field=models.JSONField(default=dict),
        ),
    ]
