"""What agents keep: their views of the queue, and what they have read."""

from django.db import models

from firstline.accounts.models import Person, SupportGroup
from firstline.incidents.models import Incident


class SavedView(models.Model):
    """A named set of filters. Personal (person), of a group, or shared (neither)."""

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500, default="")
    person = models.ForeignKey(Person, models.CASCADE, null=True, blank=True, related_name="+")
    group = models.ForeignKey(SupportGroup, models.CASCADE, null=True, blank=True, related_name="+")
    position = models.IntegerField(default=100)

    class Meta:
        db_table = "saved_view"
        ordering = ["position", "id"]


class Seen(models.Model):
    """The last event of an incident that a person has seen."""

    id = models.BigAutoField(primary_key=True)
    person = models.ForeignKey(Person, models.CASCADE, related_name="+")
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    version = models.IntegerField()
    at = models.DateTimeField()

    class Meta:
        db_table = "seen"
        constraints = [models.UniqueConstraint(fields=["person", "incident"], name="seen_once")]
