"""Agreements as the set-up pages read them."""

import msgspec
from django.db.models import Prefetch

from firstline.accounts.viewer import Viewer
from firstline.core.errors import NotFound
from firstline.sla.agreement import Agreement as Document
from firstline.sla.models import Agreement, AgreementVersion


def agreements(viewer: Viewer) -> list[tuple[Agreement, Document]]:
    """All agreements in the order in which they are tried, each with what it says now: two queries."""
    viewer.require("configuration.read")
    current = Prefetch("versions", AgreementVersion.objects.filter(valid_to=None), to_attr="in_force")
    rows = Agreement.objects.prefetch_related(current).order_by("position", "id")
    return [(row, msgspec.convert(row.in_force[0].definition, Document)) for row in rows if row.in_force]


def agreement(viewer: Viewer, agreement_id: int) -> tuple[Agreement, Document]:
    for row, document in agreements(viewer):
        if row.pk == agreement_id:
            return row, document
    raise NotFound("There is no such agreement.")
