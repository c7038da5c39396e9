"""`/api/v1/…`; the description is at `/api/v1/openapi.json`."""

from django.urls import path

from firstline.api.main import api

urlpatterns = [path("v1/", api.urls)]
