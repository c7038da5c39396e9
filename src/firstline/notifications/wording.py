"""What a message about an incident may say outside Firstline."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The facts of an incident that messages are made from."""

    incident_id: int
    number: str
    priority: int | None
    title: str
    security: bool


def about_incident(
    about: About, sentence: str, *, detail: str = "", url: str = "", for_staff: bool = True
) -> Text:
    """A subject and body that say `sentence`. About a security incident they carry number and priority only.

    `url` defaults to the incident's page; `for_staff` chooses which face's.
    """
    link = url or incident_url(about.incident_id, for_staff=for_staff)
    level = f"P{about.priority}" if about.priority is not None else ""
    if about.security:
        subject = " ".join(part for part in (about.number, level) if part)
        return Text(subject, f"{subject}\n\n{link}\n")
    subject = f"[{about.number}] " + ": ".join(part for part in (level, sentence) if part)
    parts = [sentence, about.title, detail, link]
    return Text(subject[:250], "\n\n".join(part for part in parts if part) + "\n")


def incident_url(incident_id: int, *, for_staff: bool = True) -> str:
    return (
        f"{settings.URL}/console/incidents/{incident_id}/"
        if for_staff
        else f"{settings.URL}/my/{incident_id}/"
    )


def code_text(code: str) -> Text:
    """What verifies a contact method."""
    return Text(
        _("Your code for Firstline: %(code)s") % {"code": code},
        _(
            "Enter %(code)s in Firstline to confirm that messages reach you here. "
            "If you did not ask for this, ignore it."
        )
        % {"code": code},
    )
