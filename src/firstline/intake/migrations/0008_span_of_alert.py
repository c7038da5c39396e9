"""The latest span of an alert by one index of both columns. With that of the alert alone, PostgreSQL took the primary key
backwards while it had no statistics of the table: a storm of new alerts slowed down to 300 a second.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("intake", "0007_hot_updates"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="alertspan", index=models.Index(fields=["alert", "id"], name="span_of_alert")
        ),
        migrations.AlterField(
            model_name="alertspan",
            name="alert",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="spans",
                to="intake.alert",
            ),
        ),
    ]
