"""What the caller says at the end."""

from django.db import models

from firstline.accounts.models import Person
from firstline.incidents.models import Incident


class Confirmation(models.Model):
    """One resolution waiting for the caller's word: asked, reminded, answered or expired."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, models.CASCADE, related_name="confirmations")
    person = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    resolution_number = models.IntegerField(default=1, help_text="1 + reopenings at that time")
    asked_at = models.DateTimeField()
    close_at = models.DateTimeField(
        null=True, help_text="closes by silence then; null: only a person closes it"
    )
    reminded_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=14, default="")  # fixed, still_broken, none, withdrawn
    on_behalf_by = models.ForeignKey(Person, models.SET_NULL, null=True, related_name="+")
    ask_rating = models.BooleanField(default=True)
    rating = models.SmallIntegerField(null=True)
    rating_comment_id = models.BigIntegerField(null=True)
    rated_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "confirmation"
        constraints = [
            models.UniqueConstraint(fields=["incident", "resolution_number"], name="confirmation_once"),
            models.CheckConstraint(
                condition=models.Q(rating__isnull=True) | models.Q(rating__gte=1, rating__lte=5),
                name="rating_one_to_five",
            ),
        ]
        indexes = [
            models.Index(
                fields=["close_at", "id"], condition=models.Q(answered_at=None), name="confirmation_waiting"
            )
        ]
