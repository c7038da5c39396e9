"""What agents keep: saved views, and what they have read."""

from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.accounts.viewer import Viewer, viewer_for
from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotAllowed, NotFound
from firstline.desk.filters import parse
from firstline.desk.models import SavedView, Seen

NAME_LENGTH = 60


@transaction.atomic
def save_view(
    *, name: str, query: str, actor: Actor, now: datetime, group_id: int | None = None, shared: bool = False
) -> SavedView:
    """Keep a filter under a name:

    personal by default, of a group (its members), or shared (leads and administrators).

    Saving under a name that the owner already has replaces it.
    """
    viewer = viewer_for(actor)
    viewer.require("console.use")
    name = " ".join(name.split())[:NAME_LENGTH]
    if not name:
        raise Invalid("The view needs a name.", {"name": "needed"})
    _check_owner(viewer, group_id, shared)
    personal = group_id is None and not shared
    owner: dict[str, Any] = {"person_id": viewer.person_id if personal else None, "group_id": group_id}
    before = SavedView.objects.filter(name=name, **owner).values("query", "group_id").first()
    kept = {"query": str(parse(query))[:500]}
    view, _created = SavedView.objects.update_or_create(defaults=kept, name=name, **owner)
    if not personal:
        after = {"query": view.query, "group_id": group_id}
        config_log.changed("saved view", view.pk, actor=actor, now=now, before=before, after=after)
    return view


@transaction.atomic
def delete_view(view_id: int, *, actor: Actor, now: datetime) -> None:
    """Forget a view; one's own, a group's by its members, a shared one by leads and administrators."""
    viewer = viewer_for(actor)
    view = SavedView.objects.filter(id=view_id).first()
    if view is None or (view.person_id is not None and view.person_id != viewer.person_id):
        raise NotFound("There is no such view.")
    if view.person_id is None:
        _check_owner(viewer, view.group_id, view.group_id is None)
        before = {"query": view.query, "group_id": view.group_id}
        config_log.changed("saved view", view.pk, actor=actor, now=now, before=before, after=None)
    view.delete()


def mark_seen(person_id: int, incident_id: int, version: int, *, now: datetime) -> None:
    """This person has seen the incident as it was at `version`. Reading is no event."""
    Seen.objects.update_or_create(
        person_id=person_id, incident_id=incident_id, defaults={"version": version, "at": now}
    )


def _check_owner(viewer: Viewer, group_id: int | None, shared: bool) -> None:
    if group_id is not None and group_id not in viewer.groups and not viewer.may("configuration.edit"):
        raise NotAllowed("Only members of a group keep its views.")
    if shared and not (viewer.leads or viewer.may("configuration.edit")):
        raise NotAllowed("Only leads and administrators share views with everybody.")
