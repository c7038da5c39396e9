from django.apps import AppConfig


class IntakeConfig(AppConfig):
    name = "firstline.intake"
    label = "intake"
