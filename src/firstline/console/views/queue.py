"""The queue: tabs, filters that are the address, rows, bulk actions, live rows."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from firstline.accounts import queries as accounts
from firstline.console import labels
from firstline.console.access import Request, staff
from firstline.console.components import Chip, Page, Tab
from firstline.console.rows import row_of
from firstline.console.shell import page, part
from firstline.core.errors import Invalid
from firstline.desk import actions, bulk, queries
from firstline.desk.filters import Filter, from_parameters, parse

SHOWN_MOST = 200


def address(wanted: Filter, **more: str) -> str:
    """The address of a list."""
    asked = {"q": str(wanted), **{k: v for k, v in more.items() if v}}
    return f"{reverse('console:queue')}?{urlencode(asked)}"


@require_GET
@staff("incident.read")
def queue(request: Request) -> HttpResponse:
    """The home of the console. Without a filter in the address: the first tab."""
    tabs = queries.views(request.viewer)
    wanted = _wanted(request.GET) or parse(tabs[0].query)
    sort = request.GET.get("sort", "")
    found = queries.queue(
        request.viewer, wanted, now=request.moment, sort=sort, cursor=request.GET.get("after") or None
    )
    numbers = queries.counts(
        request.viewer, [wanted, *(parse(tab.query) for tab in tabs)], now=request.moment
    )
    context = {
        "tabs": [
            Tab(
                label=tab.name,
                href=address(parse(tab.query)),
                current=tab.query == str(wanted),
                count=n,
                hot=tab.hot,
            )
            for tab, n in zip(tabs, numbers[1:], strict=True)
        ],
        "wanted": wanted,
        "chips": [Chip(label=str(t), without=address(wanted.without(t), sort=sort)) for t in wanted.terms],
        "rows": [row_of(row) for row in found.rows],
        "sorts": [
            (key, label, address(wanted, sort=key), key == found.sort) for key, label in labels.sorts()
        ],
        "sort_label": dict(labels.sorts())[found.sort],
        "page": _pages(wanted, sort, found, request.GET, numbers[0]),
        "new_from": _new_from(wanted, request.moment),
        "saved": queries.saved_views(request.viewer),
        "current_view": next((tab for tab in tabs if tab.id and tab.query == str(wanted)), None),
        "groups": accounts.groups(request.viewer) if request.viewer.may("incident.work") else [],
        "people": accounts.assignable(request.viewer) if request.viewer.may("incident.work") else [],
        "may_work": request.viewer.may("incident.work"),
        "may_share": bool(request.viewer.leads) or request.viewer.may("configuration.edit"),
    }
    return page(request, "console/queue/queue.html", context, section="queue")


@require_GET
@staff("incident.read")
def rows(request: Request) -> HttpResponse:
    """The present form of rows that a page shows already (`rows=1,2,3`), each to be swapped in its place."""
    asked = [int(text) for text in request.GET.get("rows", "").split(",") if text.isdecimal()][:SHOWN_MOST]
    found = [row_of(row) for row in queries.rows(request.viewer, asked)]
    context = {"rows": found, "live": True, "may_work": request.viewer.may("incident.work")}
    return part(request, "console/queue/rows_live.html", context)


@require_GET
@staff("incident.read")
def new(request: Request) -> HttpResponse:
    """How many incidents joined this list since the page was made: the bar that never moves a row."""
    since = parse_datetime(request.GET.get("since", ""))
    if since is None or since.tzinfo is None:
        raise Invalid(_("This address lacks the instant since when."))
    wanted = parse(request.GET.get("q", ""))
    number = queries.newcomers(request.viewer, wanted, since=since, now=request.moment)
    return part(request, "console/queue/new.html", {"number": number, "href": address(wanted)})


@require_POST
@staff("incident.work")
def act(request: Request) -> HttpResponse:
    """One action on many rows, with a result for each."""
    chosen = [int(text) for text in request.POST.getlist("row") if text.isdecimal()][:SHOWN_MOST]
    verb, value = request.POST.get("verb", ""), request.POST.get(request.POST.get("verb", ""), "")
    results = bulk.act(chosen, verb=verb, value=value, actor=request.actor, now=request.moment)
    done = sum(result.ok for result in results)
    if done:
        text = ngettext("%(n)s incident changed.", "%(n)s incidents changed.", done) % {"n": done}
        messages.success(request, text)
    for result in results:
        if not result.ok:
            messages.error(request, f"{result.number}: {result.message}")
    back = request.POST.get("back", "")
    return redirect(back if _is_own(back) else "console:queue")


@require_POST
@staff()
def save_view(request: Request) -> HttpResponse:
    """Keep the present filter as a tab: one's own, a group's or everybody's."""
    whose = request.POST.get("whose", "me")
    view = actions.save_view(
        name=request.POST.get("name", ""),
        query=request.POST.get("query", ""),
        group_id=int(whose) if whose.isdecimal() else None,
        shared=whose == "all",
        actor=request.actor,
        now=request.moment,
    )
    messages.success(request, _("The view “%(name)s” is kept.") % {"name": view.name})
    return redirect(address(parse(view.query)))


@require_POST
@staff()
def delete_view(request: Request, view_id: int) -> HttpResponse:
    actions.delete_view(view_id, actor=request.actor, now=request.moment)
    messages.success(request, _("The view is gone. Its incidents are where they were."))
    return redirect("console:queue")


def _new_from(wanted: Filter, since: datetime) -> str:
    return f"{reverse('console:queue_new')}?{urlencode({'q': str(wanted), 'since': since.isoformat()})}"


def _wanted(parameters: QueryDict) -> Filter | None:
    """The filter of the address, or None when it names none."""
    lists: Mapping[str, Sequence[str]] = {key: parameters.getlist(key) for key in parameters}
    wanted = from_parameters(lists)
    return wanted if "q" in parameters or wanted.terms or wanted.text else None


def _pages(wanted: Filter, sort: str, found: queries.Queue, asked: QueryDict, total: int) -> Page:
    return Page(
        newer=address(wanted, sort=sort) if asked.get("after") else "",
        older=address(wanted, sort=sort, after=found.next) if found.next else "",
        shown=len(found.rows),
        total=total,
    )


def _is_own(path: str) -> bool:
    return path.startswith(reverse("console:queue")) and "//" not in path
