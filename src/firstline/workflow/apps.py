from django.apps import AppConfig


class WorkflowConfig(AppConfig):
    name = "firstline.workflow"
    label = "workflow"

    def ready(self) -> None:
        from django.utils.module_loading import autodiscover_modules

        from firstline.core import event_log
        from firstline.workflow.reactions import REACTIONS

        autodiscover_modules("events")  # every process can read every verb, whatever else it imports
        event_log.install(REACTIONS)
