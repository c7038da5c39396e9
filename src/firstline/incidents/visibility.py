"""Which incidents a viewer may see. The one filter behind every list, search, count, export and action."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from firstline.accounts.permissions import Role
from firstline.accounts.viewer import Viewer
from firstline.incidents.models import AffectedUser, Incident, Watcher


def visible(viewer: Viewer) -> QuerySet[Incident]:
    """Incidents that staff see in the console: security ones only for their groups (or by broken glass)."""
    incidents = Incident.objects.defer("search")
    if viewer.everything:
        return incidents
    if not viewer.may("incident.read"):
        return incidents.none()
    return incidents.filter(staff_filter(viewer))


def staff_filter(viewer: Viewer, prefix: str = "") -> Q:
    """The same as a condition on another table's foreign key, e.g. `staff_filter(viewer, "incident__")`."""
    if viewer.everything:
        return Q()
    if not viewer.may("incident.read"):
        return Q(**{f"{prefix}pk__in": []})
    ordinary = Q(**{f"{prefix}security": False})
    if not viewer.reads_all:
        mine = Q(**{f"{prefix}group_id__in": viewer.groups})
        if viewer.person_id is not None:
            mine |= Q(**{f"{prefix}assignee_id": viewer.person_id})
        ordinary &= mine
    if viewer.break_glass:
        return ordinary | Q(**{f"{prefix}security": True})
    if viewer.security_groups:
        return ordinary | Q(**{f"{prefix}security": True, f"{prefix}group_id__in": viewer.security_groups})
    return ordinary


def own(viewer: Viewer) -> QuerySet[Incident]:
    """Incidents that a caller sees in the portal: reported by or for them, watched, or hit by them; and those of
    their organisation unit where it shares (never security ones)."""
    incidents = Incident.objects.defer("search")
    if viewer.person_id is None or not viewer.may("incident.own"):
        return incidents.none()
    mine = Q(caller_id=viewer.person_id) | (
        Q(security=False)
        & (
            Exists(AffectedUser.objects.filter(incident=OuterRef("pk"), person_id=viewer.person_id))
            | Exists(Watcher.objects.filter(incident=OuterRef("pk"), person_id=viewer.person_id))
        )
    )
    if viewer.unit_shared and viewer.unit_id is not None:
        mine |= Q(caller__unit_id=viewer.unit_id, security=False)
    return incidents.filter(mine, synthetic=False)


def withheld(viewer: Viewer) -> Q:
    """Of `own`: incidents that somebody else reported and that this viewer only joined ("me too", or merged into it).
    Their original words, files and conversation are not for them, only what is published and their own comments."""
    if viewer.person_id is None:
        return Q(pk__in=[])
    joined = Exists(AffectedUser.objects.filter(incident=OuterRef("pk"), person_id=viewer.person_id))
    return Q(joined) & (~Q(caller_id=viewer.person_id) | Q(caller=None))


def visibility_class(incident: Incident) -> str:
    """The class that a live nudge about it carries; streams are filtered by it."""
    if incident.security:
        return f"security:{incident.group_id or 0}"
    return f"group:{incident.group_id or 0}"


def classes_of(viewer: Viewer) -> list[str]:
    """The classes that a viewer's stream may carry. `group:*` stands for every ordinary incident."""
    classes = ["group:*"] if viewer.reads_all else [f"group:{group}" for group in sorted(viewer.groups)]
    return classes + [f"security:{group}" for group in sorted(viewer.security_groups)]


def is_auditor_only(viewer: Viewer) -> bool:
    return Role.AUDITOR in viewer.roles and Role.AGENT not in viewer.roles
