from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "firstline.catalog"
    label = "catalog"
