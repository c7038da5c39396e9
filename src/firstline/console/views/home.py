"""The way in, and what belongs to no page: the theme."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

THEMES = ("system", "light", "dark")
YEAR = 365 * 24 * 3600


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember the theme in a cookie; it works on every face and before sign-in."""
    chosen = request.POST.get("theme", "system")
    back = request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts=None):
        back = "/"
    answer = redirect(back)
    if chosen in THEMES:
        answer.set_cookie("firstline_theme", chosen, max_age=YEAR, samesite="Lax", secure=request.is_secure())
    return answer
