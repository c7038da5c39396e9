"""The JSON events of the logdata-anomaly-miner, https://github.com/ait-aecid/logdata-anomaly-miner."""

from ..lines import LinesFront


class AminerFront(LinesFront):
    kind = "aminer"
    security = True
