"""A repeated trigger changes no indexed column any more: what was ordered by the last signal is ordered by its opening,
and the look for expired alerts has an instant of its own. Indexes are built and dropped beside running work.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

BACKFILL = "UPDATE alert_span SET expiry_look_at = ends_at WHERE ended_at IS NULL AND ends_at IS NOT NULL"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("intake", "0006_noise_cause_target"),
    ]

    operations = [
        migrations.AddField(
            model_name="alertspan",
            name="expiry_look_at",
            field=models.DateTimeField(
                help_text="not after ends_at; moved only when it is due, since it is indexed", null=True
            ),
        ),
        AddIndexConcurrently(
            model_name="alertspan",
            index=models.Index(
                condition=models.Q(("ended_at", None)), fields=["expiry_look_at"], name="span_expiry_look"
            ),
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
        RemoveIndexConcurrently(model_name="alertspan", name="span_expiry"),
        RemoveIndexConcurrently(model_name="alertspan", name="span_recent"),
        migrations.AlterField(
            model_name="alertspan",
            name="incident",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="incidents.incident",
            ),
        ),
        migrations.AlterField(
            model_name="alert",
            name="source",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="intake.source",
            ),
        ),
        migrations.RunSQL(
            "ALTER TABLE alert_span SET (fillfactor = 75)", "ALTER TABLE alert_span RESET (fillfactor)"
        ),
    ]
