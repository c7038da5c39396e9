from django.apps import AppConfig


class WorkflowConfig(AppConfig):
    name = "firstline.workflow"
    label = "workflow"

    def ready(self) -> None:
        from firstline.core import event_log
        from firstline.workflow.reactions import REACTIONS

        event_log.install(REACTIONS)
