"""Who is told by closure: callers through their mail, owners through theirs."""

from datetime import datetime

from firstline.accounts import queries as accounts
from firstline.accounts.models import Person
from firstline.closure.messages import Text
from firstline.incidents.models import Incident
from firstline.notifications.telling import tell_people


def tell_person(
    incident: Incident, text: Text, *, person: Person, kind: str, key: str, now: datetime
) -> None:
    """A caller or somebody affected; `key` makes it once."""
    tell_people(
        [person],
        kind=kind,
        subject=text.subject,
        body=text.body,
        subject_id=incident.id,
        key=f"closure:{key}",
        now=now,
        synthetic=incident.synthetic,
    )


def tell_owner(incident: Incident, text: Text, *, person_id: int, now: datetime) -> None:
    """The assignee, else the leads of the group. `person_id` is who objected: each is passed on once."""
    owners = [incident.assignee] if incident.assignee else []
    if not owners and incident.group_id is not None:
        owners = list(accounts.leads_of(incident.group_id))
    tell_people(
        owners,
        kind="objection",
        subject=text.subject,
        body=text.body,
        subject_id=incident.id,
        key=f"closure:objection:{incident.id}:{incident.reopenings}:{person_id}",
        now=now,
        synthetic=incident.synthetic,
    )
