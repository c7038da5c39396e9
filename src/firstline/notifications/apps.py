from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "firstline.notifications"
    label = "notifications"
