"""What is learnt: problems, known errors, preventive actions, knowledge articles."""

from django.db import models

from firstline.accounts.models import Person, SupportGroup
from firstline.catalog.models import Category, Service
from firstline.incidents.models import Incident


class Problem(models.Model):
    """The cause behind incidents. `known_error`: the workaround is published to agents and, if `public`, callers."""

    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=255)
    description = models.TextField(default="", blank=True)
    state = models.CharField(max_length=12, default="open")  # open, known_error, solved, closed
    service = models.ForeignKey(Service, models.SET_NULL, null=True, blank=True, related_name="+")
    category = models.ForeignKey(Category, models.SET_NULL, null=True, blank=True, related_name="+")
    group = models.ForeignKey(SupportGroup, models.SET_NULL, null=True, blank=True, related_name="+")
    owner = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, related_name="+")
    root_cause = models.TextField(default="", blank=True)
    workaround = models.TextField(default="", blank=True)
    public = models.BooleanField(default=False)
    match_words = models.CharField(max_length=255, default="", blank=True)
    security = models.BooleanField(default=False)
    synthetic = models.BooleanField(default=False)
    opened_at = models.DateTimeField()
    known_error_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    version = models.IntegerField(default=1)

    class Meta:
        db_table = "problem"

    @property
    def number(self) -> str:
        return f"PRB-{self.id:05d}"


class ProblemIncident(models.Model):
    id = models.BigAutoField(primary_key=True)
    problem = models.ForeignKey(Problem, models.CASCADE, related_name="incidents")
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="+")
    linked_at = models.DateTimeField()

    class Meta:
        db_table = "problem_incident"
        constraints = [models.UniqueConstraint(fields=["problem", "incident"], name="problem_incident_once")]


class PreventiveAction(models.Model):
    id = models.BigAutoField(primary_key=True)
    problem = models.ForeignKey(Problem, models.CASCADE, related_name="actions")
    title = models.CharField(max_length=255)
    owner = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    due_on = models.DateField(null=True)
    done_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "preventive_action"
