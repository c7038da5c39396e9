"""A Logic App posts Sentinel's incident; Defender's alerts come as Microsoft Graph writes them: https://learn.microsoft.com/"""

from ..lines import LinesFront


class SentinelFront(LinesFront):
    kind = "sentinel"
    security = True
