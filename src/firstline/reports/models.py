"""What reports keep of a closed incident: the names of that day, so that later edits don't rewrite history."""

from django.db import models

from firstline.incidents.models import Incident


class ClosedRecord(models.Model):
    """Written once an incident is closed or cancelled; written again if it was reopened meanwhile."""

    incident = models.OneToOneField(Incident, models.CASCADE, primary_key=True, related_name="+")
    closed_at = models.DateTimeField()
    service = models.CharField(max_length=120, default="")
    group = models.CharField(max_length=80, default="")
    category = models.CharField(max_length=255, default="")
    unit = models.CharField(max_length=120, default="")
    agreement = models.CharField(max_length=80, default="")

    class Meta:
        db_table = "closed_record"
        indexes = [models.Index(fields=["closed_at"], name="closed_record_at")]
