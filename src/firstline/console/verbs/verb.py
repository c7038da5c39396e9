"""What a verb is: when it is offered to whom, its form, and the action behind it."""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from firstline.accounts.viewer import Viewer
from firstline.console.verbs import doing
from firstline.console.verbs.forms import VerbForm
from firstline.incidents.lifecycle import OPEN, State
from firstline.incidents.models import Incident

When = Callable[[Incident], bool]


@dataclass(frozen=True, kw_only=True)
class Verb:
    """`form` None: one button does it. `permission`: the verb of accounts.permissions. `done`: what is said after."""

    key: str
    label: str | Promise
    icon: str
    do: doing.Do
    when: When
    done: str | Promise
    form: type[VerbForm] | None = None
    permission: str = "incident.work"
    shortcut: str = ""
    tone: str = ""
    title: str | Promise = ""

    @property
    def asks(self) -> bool:
        """Whether it has a form (templates would call the class itself)."""
        return self.form is not None

    def offered(self, incident: Incident, viewer: Viewer) -> bool:
        return viewer.may(self.permission) and self.when(incident)


def is_open(incident: Incident) -> bool:
    return incident.state in OPEN


def is_living(incident: Incident) -> bool:
    return incident.state not in (State.CLOSED, State.CANCELLED)
