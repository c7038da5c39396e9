from django.apps import AppConfig


class WorkflowConfig(AppConfig):
    name = "firstline.workflow"
    label = "workflow"
