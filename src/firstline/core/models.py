"""Tables without domain words: the event log, texts, files, versions, due rows, settings."""

from django.db import models
from django.db.models import Q


class Event(models.Model):
    """One immutable fact. Triggers refuse UPDATE, DELETE and TRUNCATE (migration 0002)."""

    id = models.BigAutoField(primary_key=True)
    subject_type = models.CharField(max_length=32)
    subject_id = models.BigIntegerField()
    verb = models.CharField(max_length=48)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    actor_kind = models.CharField(max_length=8)
    actor_id = models.BigIntegerField(null=True)
    actor_via = models.CharField(max_length=48, default="")
    changes = models.JSONField(default=dict)
    why = models.JSONField(default=dict)
    data = models.JSONField(default=dict)
    content_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "event"
        indexes = [
            models.Index(fields=["subject_type", "subject_id", "occurred_at", "id"], name="event_subject"),
            models.Index(fields=["verb", "occurred_at"], name="event_verb"),
            models.Index(fields=["recorded_at"], name="event_recorded"),
        ]


class Content(models.Model):
    """Text that events point to, so that erasure never touches the log. `erased_at` set: body is empty."""

    id = models.BigAutoField(primary_key=True)
    body = models.TextField()
    created_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "content"


class Blob(models.Model):
    """A file's head. Its bytes are `BlobChunk` rows of at most 256 KiB."""

    id = models.BigAutoField(primary_key=True)
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=127)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    erased_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "blob"


class BlobChunk(models.Model):
    id = models.BigAutoField(primary_key=True)
    blob = models.ForeignKey(Blob, models.CASCADE, related_name="chunks")
    seq = models.IntegerField()
    data = models.BinaryField()

    class Meta:
        db_table = "blob_chunk"
        constraints = [models.UniqueConstraint(fields=["blob", "seq"], name="blob_chunk_once")]


class Version(models.Model):
    """A document that pure functions read, valid for a stretch of time, so that the past keeps its answer.

    `definition` is the JSON of a msgspec Struct; `valid_to` null is the version in force.
    """

    id = models.BigAutoField(primary_key=True)
    number = models.IntegerField(default=1)
    definition = models.JSONField()
    valid_from = models.DateTimeField()
    valid_to = models.DateTimeField(null=True)
    created_by_id = models.BigIntegerField(null=True)

    class Meta:
        abstract = True


class Due(models.Model):
    """Something that must happen at `due_at`. Unique per (kind, subject): scheduling again moves it."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=48)
    subject_id = models.BigIntegerField()
    due_at = models.DateTimeField()
    payload = models.JSONField(default=dict)
    attempts = models.IntegerField(default=0)
    error = models.TextField(default="")
    failing_since = models.DateTimeField(null=True)

    class Meta:
        db_table = "due"
        constraints = [models.UniqueConstraint(fields=["kind", "subject_id"], name="due_once")]
        indexes = [
            models.Index(fields=["kind", "due_at"], name="due_next"),
            models.Index(fields=["due_at"], name="due_first"),
        ]


class Setting(models.Model):
    """One setting of the installation, changed through `core.installation`."""

    key = models.CharField(max_length=64, primary_key=True)
    value = models.JSONField()

    class Meta:
        db_table = "setting"


class TestClock(models.Model):
    """At most one row: the instant that tests stand at. A trigger refuses it outside testing."""

    __test__ = False  # not a test class, whatever pytest thinks of its name
    id = models.BooleanField(primary_key=True, default=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "test_clock"
        constraints = [models.CheckConstraint(condition=Q(id=True), name="test_clock_single")]


class IdempotencyKey(models.Model):
    """The answer once given to a POST with an Idempotency-Key, kept for a day."""

    id = models.BigAutoField(primary_key=True)
    scope = models.CharField(max_length=64)
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64)
    status = models.IntegerField(null=True)
    body = models.JSONField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "idempotency_key"
        constraints = [models.UniqueConstraint(fields=["scope", "key"], name="idempotency_once")]


class RateWindow(models.Model):
    """How often something was done by somebody in the present window of a rate limit (`core.rate`)."""

    key = models.CharField(max_length=120, primary_key=True)
    started_at = models.DateTimeField()
    count = models.IntegerField()

    class Meta:
        db_table = "rate_window"
        indexes = [models.Index(fields=["started_at"], name="rate_window_started")]
