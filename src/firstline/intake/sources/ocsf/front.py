"""Findings in the Open Cybersecurity Schema Framework, https://schema.ocsf.io/, by whatever shipper."""

from ..lines import LinesFront


class OcsfFront(LinesFront):
    kind = "ocsf"
    security = True
