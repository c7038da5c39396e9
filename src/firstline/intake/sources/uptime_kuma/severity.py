"""Uptime Kuma knows up and down only; its notices (certificates, tests) have no status."""

from firstline.intake.signal import Severity

DOWN = Severity.CRITICAL
NOTICE = Severity.WARNING
