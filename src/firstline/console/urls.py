"""The console's pages. Each area has its own module under `views/`."""

from django.urls import path

from firstline.console.views import home, live, styleguide

app_name = "console"

urlpatterns = [
    path("", home.queue_stand_in, name="queue"),
    path("incidents/<int:incident_id>/", home.queue_stand_in, name="incident"),
    path("me/", home.queue_stand_in, name="me"),
    path("theme/", home.theme, name="theme"),
    path("live/ticket", live.ticket, name="live_ticket"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
]
