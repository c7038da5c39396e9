from django.apps import AppConfig


class ClassificationConfig(AppConfig):
    name = "firstline.classification"
    label = "classification"
