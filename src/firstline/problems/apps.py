from django.apps import AppConfig


class ProblemsConfig(AppConfig):
    name = "firstline.problems"
    label = "problems"
