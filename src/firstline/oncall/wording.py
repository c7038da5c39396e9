"""The texts of pages and of what follows them."""

from django.utils.translation import gettext as _

from firstline.incidents.models import Incident
from firstline.notifications.wording import About, Text, about_incident


def about(incident: Incident) -> About:
    return About(
        incident_id=incident.id,
        number=incident.number,
        priority=incident.priority,
        title=incident.title,
        security=incident.security,
    )


def page(incident: Incident, link: str) -> Text:
    """A page: what it is, and one link that opens a page with one button."""
    service = incident.service.name if incident.service else ""
    sentence = _("you are paged: %(title)s") % {"title": incident.title}
    detail = _("Service: %(service)s") % {"service": service} if service else ""
    return about_incident(about(incident), sentence, detail=detail, url=link)


def stand_down(incident: Incident, reason: str) -> Text:
    said = {
        "resolved": _("resolved; nothing more to do"),
        "cancelled": _("cancelled; nothing more to do"),
        "closed": _("closed; nothing more to do"),
        "merged": _("merged into another incident; nothing more to do"),
        "replaced": _("another page replaces the one you got"),
        "queue": _("no longer urgent; nothing more to do"),
    }.get(reason, reason)
    return about_incident(about(incident), said)


def reached_nobody(incident: Incident, policy: str, step: int) -> Text:
    sentence = _("step %(step)s of %(policy)s reached nobody") % {"step": step + 1, "policy": policy}
    return about_incident(about(incident), sentence)


def exhausted(incident: Incident) -> Text:
    return about_incident(about(incident), _("nobody answered; the escalation is at its end"))
