"""What hangs on an incident."""

from django.db import models

from firstline.accounts.models import Person
from firstline.core.models import Blob, Content
from firstline.incidents.models.incident import Incident


class Comment(models.Model):
    """`public`: the caller sees it. Otherwise a work note. Text in `content`, so that it can be erased."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="comments")
    public = models.BooleanField()
    content = models.ForeignKey(Content, models.PROTECT, related_name="+")
    quoted = models.ForeignKey(Content, models.PROTECT, null=True, related_name="+")
    author = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    from_address = models.CharField(max_length=254, default="")
    via = models.CharField(max_length=12, default="console")
    automatic = models.BooleanField(default=False)
    third_party = models.BooleanField(default=False, help_text="neither caller nor watcher wrote it")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "comment"
        indexes = [models.Index(fields=["incident", "created_at", "id"], name="comment_of_incident")]


class Attachment(models.Model):
    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="attachments")
    comment = models.ForeignKey(Comment, models.CASCADE, null=True, related_name="attachments")
    blob = models.ForeignKey(Blob, models.PROTECT, related_name="+")
    public = models.BooleanField(default=True)
    added_by = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "attachment"


class Watcher(models.Model):
    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="watchers")
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")

    class Meta:
        db_table = "watcher"
        constraints = [models.UniqueConstraint(fields=["incident", "person"], name="watcher_once")]


class AffectedUser(models.Model):
    """Somebody who said "me too", or the caller of a merged report."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="affected")
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    why = models.CharField(max_length=8, default="me_too")  # caller, me_too, merged
    merged_from = models.ForeignKey(Incident, models.CASCADE, null=True, related_name="+")
    at = models.DateTimeField()

    class Meta:
        db_table = "affected_user"
        constraints = [models.UniqueConstraint(fields=["incident", "person"], name="affected_once")]
        indexes = [models.Index(fields=["person", "-id"], name="affected_of_person")]


class Task(models.Model):
    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="tasks")
    title = models.CharField(max_length=255)
    state = models.CharField(max_length=10, default="open")  # open, done, incomplete, skipped
    assignee = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "task"


class Link(models.Model):
    """`incident` is `kind` of `other`: related, recurrence, caused_by_change (other null, change_id set)."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="links")
    other = models.ForeignKey(Incident, models.CASCADE, null=True, related_name="linked_from")
    change_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=16)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "incident_link"
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "other", "kind", "change_id"], name="link_once", nulls_distinct=False
            )
        ]


class Merge(models.Model):
    """What a merge did, so that it can be undone."""

    id = models.BigAutoField(primary_key=True)
    duplicate = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    original = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    state_before = models.CharField(max_length=12)
    merged_at = models.DateTimeField()
    undone_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "incident_merge"


class MajorIncident(models.Model):
    """The facts of a major incident: who leads it, how often it is updated, what the review says."""

    incident = models.OneToOneField(Incident, models.CASCADE, primary_key=True, related_name="major_facts")
    proposed_at = models.DateTimeField(null=True)
    declared_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    commander = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    communications = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    scribe = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    update_every_minutes = models.IntegerField(default=30)
    next_update_at = models.DateTimeField(null=True)
    review = models.TextField(default="")

    class Meta:
        db_table = "major_incident"


class StatusUpdate(models.Model):
    """A message to stakeholders and the public page about an incident."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="status_updates")
    content = models.ForeignKey(Content, models.PROTECT, related_name="+")
    author = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "status_update"


class Diagnosis(models.Model):
    """The statement that ends initial diagnosis. The last row counts."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="diagnoses")
    cause = models.TextField()
    confirmed = models.BooleanField(default=False)
    services = models.TextField(default="", blank=True)
    users = models.CharField(max_length=80, default="", blank=True)
    affected_from = models.DateTimeField(null=True)
    affected_to = models.DateTimeField(null=True)
    steps_taken = models.TextField(default="", blank=True)
    author = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "diagnosis_statement"


class Matrix(models.Model):
    """Impact × urgency → priority, as data. The newest row is in force; rows are checked to be monotone."""

    id = models.BigAutoField(primary_key=True)
    impacts = models.JSONField()
    urgencies = models.JSONField()
    cells = models.JSONField()
    valid_from = models.DateTimeField()
    created_by_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "priority_matrix"
