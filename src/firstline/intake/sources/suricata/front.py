"""Lines of Suricata's eve.json, by whatever shipper: https://docs.suricata.io/en/latest/output/eve/eve-json-format.html"""

from ..lines import LinesFront


class SuricataFront(LinesFront):
    kind = "suricata"
    security = True
