from django.apps import AppConfig


class OncallConfig(AppConfig):
    name = "firstline.oncall"
    label = "oncall"
