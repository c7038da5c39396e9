"""Wazuh's integrator posts one alert, or a script an array of them: https://documentation.wazuh.com/"""

import msgspec

from ..webhook import WebhookFront


class WazuhFront(WebhookFront):
    kind = "wazuh"
    container = dict[str, msgspec.Raw] | list[msgspec.Raw]
