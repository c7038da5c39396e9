from django.apps import AppConfig


class EngineConfig(AppConfig):
    name = "firstline.engine"
    label = "engine"
