"""A VIP may have a hook."""

from django.db import migrations, models

import cluster_admin.inventory.fields


class Migration(migrations.Migration):
    dependencies = [
        ("vips", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="vip",
            name="hook",
            field=models.CharField(
                blank=True, max_length=500, validators=[cluster_admin.inventory.fields.plain]
            ),
        ),
    ]
