"""What is known: published incidents, and solutions that were published to callers."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from firstline.core.errors import NotFound
from firstline.incidents.queries import published
from firstline.portal.pages import page, said
from firstline.portal.suggestions import known, solution, suggest
from firstline.problems.queries import public_known_errors

SHOWN = 100


@said
@require_GET
def knowledge(request: HttpRequest) -> HttpResponse:
    """Everything published, or what fits the words that were typed."""
    text = request.GET.get("q", "").strip()[:200]
    if text:
        found = suggest(text, None)
        incidents, solutions = list(found.known), list(found.solutions)
    else:
        incidents = [known(row) for row in published()[:SHOWN]]
        solutions = [solution(row) for row in public_known_errors()[:SHOWN]]
    context = {"incidents": incidents, "solutions": solutions, "text": text}
    return page(request, "portal/knowledge.html", context, section="knowledge")


@said
@require_GET
def article(request: HttpRequest, problem_id: int) -> HttpResponse:
    row = public_known_errors().filter(id=problem_id).first()
    if row is None:
        raise NotFound(_("There is no such article."))
    return page(request, "portal/article.html", {"solution": solution(row)}, section="knowledge")
