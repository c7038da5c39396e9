"""Addresses of other products' APIs; the gateway has checked the token, and here it is checked again."""

from django.urls import path

from firstline.api.compat.alertmanager import alertmanager_api
from firstline.api.compat.opsgenie import alert_api

urlpatterns = [
    path("v2/alerts", alert_api, name="opsgenie_alerts"),
    path("v2/alerts/<path:rest>", alert_api, name="opsgenie_alert"),
    path("intake/<str:token>/v2/alerts", alert_api, name="opsgenie_alerts_below"),
    path("intake/<str:token>/v2/alerts/<path:rest>", alert_api, name="opsgenie_alert_below"),
    path("intake/<str:token>/api/v2/<path:rest>", alertmanager_api, name="alertmanager_below"),
]
