"""Changes under way are asked for with every batch of signals; few of all changes are."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("catalog", "0001_initial"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="change",
            index=models.Index(
                condition=models.Q(("state", "implementing")), fields=["planned_end"], name="change_under_way"
            ),
        ),
    ]
