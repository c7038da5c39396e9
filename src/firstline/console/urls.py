"""The console's pages. Each area has its own module under `views/`."""

from django.urls import path

from firstline.console.views import home, live, queue, styleguide

app_name = "console"

urlpatterns = [
    path("", queue.queue, name="queue"),
    path("queue/rows", queue.rows, name="queue_rows"),
    path("queue/new", queue.new, name="queue_new"),
    path("queue/act", queue.act, name="queue_act"),
    path("views/", queue.save_view, name="view_save"),
    path("views/<int:view_id>/delete", queue.delete_view, name="view_delete"),
    path("incidents/new/", home.queue_stand_in, name="incident_new"),
    path("incidents/<int:incident_id>/", home.queue_stand_in, name="incident"),
    path("me/", home.queue_stand_in, name="me"),
    path("theme/", home.theme, name="theme"),
    path("live/ticket", live.ticket, name="live_ticket"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
]
