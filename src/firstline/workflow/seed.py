"""What an installation begins with, so that the first signal has an owner, a target and a category to go to.

Each part is made only while there is nothing of its kind: what an administrator deletes or renames does not return.
"""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from firstline.accounts import actions as accounts
from firstline.accounts.models import SupportGroup
from firstline.catalog import actions as catalog
from firstline.catalog.calendar import ALWAYS, Calendar, same_hours
from firstline.catalog.calendars import create_calendar
from firstline.catalog.models import BusinessCalendar, Category, ResolutionCode
from firstline.core.actor import Actor
from firstline.core.locks import lock
from firstline.incidents.actions.matrix import save_matrix
from firstline.incidents.models import Matrix
from firstline.incidents.priority import DEFAULT_MATRIX
from firstline.intake.actions_correlation import ensure_rules
from firstline.sla.agreement import DEFAULT
from firstline.sla.configure import create_agreement
from firstline.sla.models import Agreement

SETUP = Actor.system("setup")


@transaction.atomic
def ensure_defaults(*, now: datetime) -> None:
    """Make what is missing. Running it again changes nothing; two machines at once wait for each other."""
    lock("firstline.seed")
    _group(now)
    _calendars(now)
    _codes(now)
    _categories(now)
    if not Agreement.objects.exists():
        create_agreement(name=_("Standard"), definition=DEFAULT, actor=SETUP, now=now)
    ensure_rules(actor=SETUP, now=now)
    if not Matrix.objects.exists():
        save_matrix(DEFAULT_MATRIX, actor=SETUP, now=now)


def _group(now: datetime) -> None:
    if not SupportGroup.objects.filter(catch_all=True).exists():
        accounts.create_group(
            name=_("First line"), slug="first-line", line=1, catch_all=True, actor=SETUP, now=now
        )


def _calendars(now: datetime) -> None:
    if BusinessCalendar.objects.exists():
        return
    office = Calendar(zone="UTC", week=same_hours("mon tue wed thu fri", "09:00", "17:00"))
    create_calendar(name=_("Always (24×7)"), definition=ALWAYS, actor=SETUP, now=now)
    create_calendar(name=_("Office hours"), definition=office, actor=SETUP, now=now)


def _codes(now: datetime) -> None:
    if ResolutionCode.objects.exists():
        return
    for code, name in (
        ("fixed", _("Fixed: the cause is gone")),
        ("workaround", _("Works again by a workaround")),
        ("restarted", _("Works again after a restart")),
        ("changed-back", _("A change was undone")),
        ("explained", _("Explained: how it is used")),
        ("went-away", _("Went away by itself")),
        ("third-party", _("Fixed by a third party")),
        ("no-answer", _("The caller did not answer")),
    ):
        catalog.create_code(code=code, name=name, actor=SETUP, now=now)


def _categories(now: datetime) -> None:
    if Category.objects.exists():
        return
    tree = (
        (_("Hardware"), (_("Computer"), _("Printer"), _("Phone"))),
        (_("Software"), (_("Error message"), _("Slow"), _("How to"))),
        (_("Network"), (_("No connection"), _("VPN"), _("Wi-Fi"))),
        (_("Access"), (_("Password"), _("Permission"))),
        (_("Infrastructure"), (_("Server"), _("Storage"), _("Database"))),
        (_("Security"), (_("Suspicious mail"), _("Malware"), _("Account misuse"))),
    )
    for name, children in tree:
        parent = catalog.create_category(name=name, actor=SETUP, now=now)
        for child in children:
            catalog.create_category(name=child, parent_id=parent.id, actor=SETUP, now=now)
