"""The page behind the link of a page: `/page/<token>`. It needs no sign-in; the token is the proof."""

from django.urls import path

from firstline.console.views import page03

urlpatterns = [
    path("<str:token>", page03.page, name="page"),
    path("<str:token>/", page03.page),
]
