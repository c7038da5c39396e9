"""Uptime services know up and down; a certificate or a slow page that they warn about is less."""

from firstline.intake.signal import Severity

DOWN = Severity.CRITICAL
NOTICE = Severity.WARNING
