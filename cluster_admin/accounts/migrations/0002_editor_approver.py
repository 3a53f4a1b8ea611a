"""Two roles more: who edits, and who approves."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="grant",
            name="role",
            field=models.CharField(
                choices=[
                    ("viewer", "viewer: reads"),
                    ("editor", "editor: commits to a subcluster's directories, proposes"),
                    ("operator", "operator: drains nodes, changes VIPs, deploys"),
                    ("approver", "approver: approves what others propose"),
                    ("admin", "admin: everything"),
                ],
                max_length=10,
            ),
        ),
    ]
