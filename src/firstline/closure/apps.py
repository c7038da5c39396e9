from django.apps import AppConfig


class ClosureConfig(AppConfig):
    name = "firstline.closure"
    label = "closure"
