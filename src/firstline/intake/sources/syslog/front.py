"""Syslog messages over HTTP, one a line or within JSON; the listeners append to the inbox by themselves."""

from ..text import TextFront


class SyslogFront(TextFront):
    kind = "syslog"
