from django.apps import AppConfig


class IncidentsConfig(AppConfig):
    name = "firstline.incidents"
    label = "incidents"
