"""The portal: what callers see. The administrator's first page and the links in messages belong to it."""

from django.urls import path

from firstline.portal.views import account, answers, home, knowledge, mine, report, setup

app_name = "portal"

urlpatterns = [
    path("", home.home, name="home"),
    path("report/", report.report, name="report"),
    path("report/suggestions/", report.suggestions, name="suggestions"),
    path("report/questions/", report.questions, name="questions"),
    path("report/sent/", report.sent, name="sent"),
    path("report/verify/<str:token>/", report.verify, name="verify"),
    path("known/<int:incident_id>/me-too/", report.me_too, name="me_too"),
    path("my/", mine.mine, name="mine"),
    path("my/<int:incident_id>/", mine.incident, name="incident"),
    path("my/<int:incident_id>/reply/", mine.reply, name="reply"),
    path("my/<int:incident_id>/fixed/", mine.fixed, name="fixed"),
    path("my/<int:incident_id>/still-broken/", mine.still_broken, name="still_broken"),
    path("my/<int:incident_id>/rate/", mine.rate_incident, name="rate"),
    path("my/files/<int:attachment_id>/", mine.file, name="file"),
    path("answer/<str:token>/", answers.answer, name="answer"),
    path("knowledge/", knowledge.knowledge, name="knowledge"),
    path("knowledge/<int:problem_id>/", knowledge.article, name="article"),
    path("account/", account.account, name="account"),
    path("setup/<str:token>/", setup.setup, name="setup"),
]
