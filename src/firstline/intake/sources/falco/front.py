"""Falco's http_output and falcosidekick's webhook: https://falco.org/docs/outputs/"""

from ..lines import LinesFront


class FalcoFront(LinesFront):
    kind = "falco"
    security = True
