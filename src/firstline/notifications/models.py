"""What is told to whom, through what, and how it went: message → delivery → attempt."""

from django.db import models
from django.db.models import Q

from firstline.accounts.models import Person


class ContactMethod(models.Model):
    """A way to reach a person. Only a verified one is used for pages."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, models.CASCADE, related_name="contact_methods")
    channel = models.CharField(max_length=24)
    address = models.CharField(max_length=500)
    label = models.CharField(max_length=80, default="", blank=True)
    verified_at = models.DateTimeField(null=True)
    code_hash = models.CharField(max_length=64, default="")
    code_expires_at = models.DateTimeField(null=True)
    failing_since = models.DateTimeField(null=True)
    active = models.BooleanField(default=True)

    class Meta:
        db_table = "contact_method"
        constraints = [
            models.UniqueConstraint(fields=["person", "channel", "address"], name="contact_method_once")
        ]


class NotificationRule(models.Model):
    """When a person is paged: for this urgency, through this method, so many minutes after the page."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, models.CASCADE, related_name="notification_rules")
    urgency = models.CharField(max_length=4, default="high", choices=[("high", "high"), ("low", "low")])
    method = models.ForeignKey(ContactMethod, models.CASCADE, related_name="+")
    delay_minutes = models.IntegerField(default=0)

    class Meta:
        db_table = "notification_rule"


class QuietHours(models.Model):
    """Local times between which low urgency waits for this person."""

    person = models.OneToOneField(Person, models.CASCADE, primary_key=True, related_name="+")
    start = models.TimeField()
    end = models.TimeField()

    class Meta:
        db_table = "quiet_hours"


class Message(models.Model):
    """One thing to tell. `context` holds what the templates need; its text is erasable."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=40)
    subject_type = models.CharField(max_length=32, default="incident")
    subject_id = models.BigIntegerField(null=True)
    subject = models.TextField()
    body = models.TextField()
    html = models.TextField(default="")
    context = models.JSONField(default=dict)
    urgency = models.CharField(max_length=4, default="low")
    created_at = models.DateTimeField()
    synthetic = models.BooleanField(default=False)

    class Meta:
        db_table = "message"
        indexes = [models.Index(fields=["subject_type", "subject_id", "id"], name="message_subject")]


class Delivery(models.Model):
    """A message to one person (or sink) through one channel. The engine claims it with a lease."""

    id = models.BigAutoField(primary_key=True)
    message = models.ForeignKey(Message, models.CASCADE, related_name="deliveries")
    person = models.ForeignKey(Person, models.CASCADE, null=True, related_name="+")
    method = models.ForeignKey(ContactMethod, models.SET_NULL, null=True, related_name="+")
    channel = models.CharField(max_length=24)
    address = models.CharField(max_length=500)
    page_id = models.BigIntegerField(null=True)
    idempotency_key = models.CharField(max_length=120, unique=True)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, default="due")  # due, sending, delivered, failed, dropped
    priority = models.SmallIntegerField(default=5, help_text="lane: 0 pages, 5 answers, 9 digests")
    attempts = models.IntegerField(default=0)
    fallback = models.JSONField(
        default=list, help_text="[channel, address, method id] to try if this one fails"
    )
    give_up_at = models.DateTimeField(null=True, help_text="no further attempt after this")
    may_wait = models.BooleanField(
        default=False,
        db_default=False,
        help_text="when the person gets many: put off, and sent together with others",
    )
    lease_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    mail_id = models.CharField(max_length=255, default="", help_text="Message-ID of a mail sent")
    reason = models.CharField(max_length=255, default="", help_text="why it was dropped or failed for good")

    class Meta:
        db_table = "delivery"
        indexes = [
            models.Index(
                fields=["priority", "due_at", "id"],
                condition=Q(state__in=["due", "sending"]),
                name="delivery_next",
            ),
            models.Index(fields=["mail_id"], condition=~Q(mail_id=""), name="delivery_mail_id"),
            models.Index(fields=["page_id"], condition=Q(page_id__isnull=False), name="delivery_page"),
            models.Index(
                fields=["person", "channel", "-delivered_at"],
                condition=Q(delivered_at__isnull=False),
                name="delivery_recent",
            ),
            models.Index(
                fields=["person", "channel", "due_at"],
                condition=Q(state__in=["due", "sending"], may_wait=True),
                name="delivery_together",
            ),
        ]


class Attempt(models.Model):
    id = models.BigAutoField(primary_key=True)
    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="tries")
    at = models.DateTimeField()
    ok = models.BooleanField()
    answer = models.TextField(default="")

    class Meta:
        db_table = "delivery_attempt"


class ChannelSetting(models.Model):
    """What an administrator enabled for a channel: schemes, hosts, credentials (encrypted)."""

    channel = models.CharField(max_length=24, primary_key=True)
    enabled = models.BooleanField(default=True)
    settings = models.JSONField(default=dict)
    secret = models.TextField(default="", help_text="encrypted by core.secrets")

    class Meta:
        db_table = "channel_setting"
