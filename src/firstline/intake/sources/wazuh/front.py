"""Wazuh's integrator posts one alert, or a script an array of them: https://documentation.wazuh.com/"""

from ..lines import LinesFront


class WazuhFront(LinesFront):
    kind = "wazuh"
    security = True
