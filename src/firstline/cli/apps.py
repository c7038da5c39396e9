from django.apps import AppConfig


class CliConfig(AppConfig):
    name = "firstline.cli"
    label = "cli"
