"""A mail is known by its Message-ID and what it says; its indexes are built beside running work."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("incidents", "0001_initial"),
        ("intake", "0002_inbox"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="mailmessage",
            name="mail_once",
        ),
        migrations.AddField(
            model_name="mailmessage",
            name="fingerprint",
            field=models.CharField(db_default="", default="", max_length=64),
        ),
        migrations.AddField(
            model_name="source",
            name="mailbox",
            field=models.JSONField(
                db_default=models.Value({}, models.JSONField()),
                default=dict,
                help_text="mail sources: how fetching goes (`intake.mailboxes.Health`), written by whoever fetches",
            ),
        ),
        AddIndexConcurrently(
            model_name="mailmessage",
            index=models.Index(fields=["message_id"], name="mail_by_message_id"),
        ),
        AddIndexConcurrently(
            model_name="mailmessage",
            index=models.Index(fields=["from_address", "received_at"], name="mail_by_sender"),
        ),
        AddIndexConcurrently(
            model_name="mailmessage",
            index=models.Index(fields=["source", "-id"], name="mail_of_source"),
        ),
    ]
