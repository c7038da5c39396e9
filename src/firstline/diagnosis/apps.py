from django.apps import AppConfig


class DiagnosisConfig(AppConfig):
    name = "firstline.diagnosis"
    label = "diagnosis"
