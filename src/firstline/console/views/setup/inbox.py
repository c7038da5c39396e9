"""The inbox of a source: what could not be read and why, one request whole, and reading it again."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from firstline.console.access import Request, staff
from firstline.console.components import Page, Tab
from firstline.console.shell import page
from firstline.core.errors import Conflict, Invalid
from firstline.intake import actions, queries, queries_inbox


@require_GET
@staff("source.read")
def inbox(request: Request, source_id: int) -> HttpResponse:
    """The latest first; tabs by what became of them."""
    row = queries.source(request.viewer, source_id)
    asked = request.GET.get("state", "failed")
    state = asked if asked in queries_inbox.STATES else "failed"
    after = request.GET.get("after", "")
    found = queries_inbox.stored(request.viewer, row.pk, state=state, cursor=after or None)
    numbers = queries_inbox.counts(request.viewer, row.pk)
    labels = {"failed": _("Can't be read"), "new": _("Waiting"), "all": _("All")}
    context = {
        "title": row.name,
        "source": row,
        "state_asked": state,
        "tabs": [
            Tab(label=label, href=_address(row.pk, key), current=key == state, count=numbers.get(key))
            for key, label in labels.items()
        ],
        "found": found,
        "failed": numbers["failed"],
        "may_edit": request.viewer.may("source.edit"),
        "page": Page(
            newer=_address(row.pk, state) if after else "",
            older=_address(row.pk, state, found.next) if found.next else "",
        ),
    }
    return page(request, "console/setup/inbox.html", context, section="sources")


@require_GET
@staff("source.read")
def inbox_row(request: Request, source_id: int, row_id: int) -> HttpResponse:
    """One request: its headers and its body, as they came."""
    row = queries.source(request.viewer, source_id)
    context = {
        "title": row.name,
        "source": row,
        "whole": queries_inbox.whole(request.viewer, row.pk, row_id),
        "may_edit": request.viewer.may("source.edit"),
    }
    return page(request, "console/setup/inbox_row.html", context, section="sources")


@require_POST
@staff("source.edit")
def inbox_again(request: Request, source_id: int) -> HttpResponse:
    """Read one failed request again (`row`), or all of the source's."""
    row = request.POST.get("row", "")
    common: dict[str, Any] = {"actor": request.actor, "now": request.moment}
    try:
        if row:
            count = actions.replay(
                source_id, [int(row) if row.isdecimal() and len(row) < 19 else 0], **common
            )
        else:
            count = actions.replay_failed(source_id, **common)
    except (Invalid, Conflict) as error:
        messages.error(request, str(error))
    else:
        text = ngettext("%(n)s request is read again.", "%(n)s requests are read again.", count) % {
            "n": count
        }
        messages.success(request, text if count else _("Nothing is left to be read again."))
    return redirect(_address(source_id, "failed"))


def _address(source_id: int, state: str, after: str = "") -> str:
    query = {"state": state} | ({"after": after} if after else {})
    return f"{reverse('console:source_inbox', args=[source_id])}?{urlencode(query)}"
