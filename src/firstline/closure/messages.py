"""What a caller reads when an incident is resolved, and once more as a reminder. Plain words, three links."""

from dataclasses import dataclass

from django.utils import translation
from django.utils.translation import gettext as _

from firstline.accounts.models import Person
from firstline.closure.links import Verb
from firstline.incidents.models import Incident
from firstline.incidents.queries import joined_title


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    body: str


def resolved(
    incident: Incident, person: Person, links: dict[str, str], *, closes: bool, reminder: bool
) -> Text:
    """The message in the person's language. Of a security incident it says the number only."""
    with translation.override(person.language or "en"):
        what = named(incident, person)
        lines = [_("Hello %(name)s,") % {"name": person.name}, "", _opening(what, reminder), ""]
        if incident.resolution_notes and not incident.security:
            lines += [incident.resolution_notes, ""]
        lines += [
            _("Yes, it is fixed:"),
            links[Verb.FIXED.value],
            "",
            _("No, it is still broken:"),
            links[Verb.STILL_BROKEN.value],
            "",
            _("Rate how it was handled:"),
            links[Verb.RATE.value],
            "",
        ]
        if closes:
            lines.append(_("If we hear nothing from you, we close it after some working days."))
        subject = _("Is it fixed? %(what)s") if reminder else _("Resolved: %(what)s")
        return Text(subject % {"what": what}, "\n".join(lines).rstrip() + "\n")


def objection(incident: Incident, person: Person, comment: str) -> Text:
    """To the owner: somebody who is affected too says that it is still broken."""
    what = incident.number if incident.security else f"{incident.number} {incident.title}"
    subject = _("Still broken for somebody: %(what)s") % {"what": what}
    body = _(
        "%(who)s, who is affected too, says that it is still broken. It will not close by itself. "
        "Look at it, and reopen it if they are right."
    ) % {"who": person.name}
    if comment and not incident.security:
        body += f"\n\n{comment}"
    return Text(subject, body + "\n")


def _opening(what: str, reminder: bool) -> str:
    if reminder:
        return _("we resolved %(what)s and have not heard yet whether it works for you again.") % {
            "what": what
        }
    return _("we have resolved %(what)s. Does it work for you again?") % {"what": what}


def named(incident: Incident, person: Person) -> str:
    """What an incident is called for this person: of a security incident the number, and for somebody who did not
    report it themselves what was published, never a colleague's words."""
    if incident.security:
        return incident.number
    title = incident.title if incident.caller_id == person.id else joined_title(incident)
    return f"{incident.number} {title}"
