"""Calendar feeds: `/calendar/<token>/…`. Calendar programs can't sign in; the token is the proof."""

from django.urls import path

from firstline.console.views import feed

urlpatterns = [
    path("<str:token>/mine.ics", feed.mine, name="feed_mine"),
    path("<str:token>/schedule-<int:schedule_id>.ics", feed.schedule, name="feed_schedule"),
]
