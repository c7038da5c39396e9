"""The console's pages. Each area has its own module under `views/`."""

from django.urls import path

from firstline.console.setup_urls import urlpatterns as setup_patterns
from firstline.console.views import (
    alerts,
    closure,
    home,
    incident,
    live,
    mail,
    me,
    phone,
    queue,
    reach,
    styleguide,
)

app_name = "console"

urlpatterns = [
    path("", queue.queue, name="queue"),
    path("queue/rows", queue.rows, name="queue_rows"),
    path("queue/new", queue.new, name="queue_new"),
    path("queue/act", queue.act, name="queue_act"),
    path("views/", queue.save_view, name="view_save"),
    path("views/<int:view_id>/delete", queue.delete_view, name="view_delete"),
    path("incidents/new/", phone.new, name="incident_new"),
    path("incidents/new/callers", phone.callers, name="callers"),
    path("incidents/new/known", phone.similar, name="known"),
    path("incidents/<int:incident_id>/", incident.incident, name="incident"),
    path("incidents/<int:incident_id>/part/<slug:name>", incident.fragment, name="incident_part"),
    path("incidents/<int:incident_id>/viewers", incident.viewers, name="viewers"),
    path("incidents/<int:incident_id>/say", incident.say, name="say"),
    path("incidents/<int:incident_id>/watch", incident.watch, name="watch"),
    path("incidents/<int:incident_id>/tasks/<int:task_id>", incident.finish_task, name="finish_task"),
    path("incidents/<int:incident_id>/links/<int:link_id>/delete", incident.unlink, name="unlink"),
    path("incidents/<int:incident_id>/clock/<slug:target>/", incident.why_due, name="why_due"),
    path("incidents/<int:incident_id>/<slug:key>/", incident.verb, name="verb"),
    path("files/<int:attachment_id>/", incident.attachment, name="attachment"),
    path("alerts/", alerts.alerts, name="alerts"),
    path("alerts/<int:alert_id>/", alerts.alert, name="alert"),
    path("to-confirm/", closure.to_confirm, name="to_confirm"),
    path("mail/", mail.waiting, name="mail"),
    path("mail/<int:mail_id>/", mail.file, name="mail_file"),
    path("me/", me.me, name="me"),
    path("me/calendar", me.calendar, name="me_calendar"),
    path("me/reach/", reach.reach, name="reach"),
    path("me/reach/<int:method_id>", reach.method, name="reach_method"),
    path("me/reach/rules", reach.rules, name="reach_rules"),
    path("me/reach/quiet", reach.quiet, name="reach_quiet"),
    path("theme/", home.theme, name="theme"),
    path("live/ticket", live.ticket, name="live_ticket"),
    path("styleguide/", styleguide.styleguide, name="styleguide"),
    *setup_patterns,
]
