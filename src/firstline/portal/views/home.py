"""The address of the installation itself."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from firstline.accounts.viewer import viewer_of
from firstline.core import installation
from firstline.portal.pages import person_of, said


@said
def home(request: HttpRequest) -> HttpResponse:
    """Staff work in the console; everybody else is here to report something. Where visitors may not report, they
    sign in first."""
    person = person_of(request)
    if person is not None and viewer_of(person.id).is_staff:
        return redirect("console:queue")
    if person is None and not installation.get("report_without_account"):
        return redirect("account_login")
    return redirect("portal:report")
