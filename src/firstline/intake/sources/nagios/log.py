"""Lines of Nagios' log (`nagios.log`), for those who forward it instead of running a command.

https://assets.nagios.com/downloads/nagioscore/docs/nagioscore/4/en/configmain.html (log_*): seconds since 1970 in
brackets, what it is, and fields between semicolons; the last one, the plugin's output, may hold semicolons too.
"""

import re
from collections.abc import Mapping

LINE = re.compile(r"\[(?P<at>\d{9,11})\] (?P<what>[A-Z][A-Z ()]+): (?P<rest>[^\r\n]*)")
FIELDS = {
    "SERVICE ALERT": ("host", "service", "state", "state_type", "attempt", "output"),
    "HOST ALERT": ("host", "state", "state_type", "attempt", "output"),
    "CURRENT SERVICE STATE": ("host", "service", "state", "state_type", "attempt", "output"),
    "CURRENT HOST STATE": ("host", "state", "state_type", "attempt", "output"),
    "INITIAL SERVICE STATE": ("host", "service", "state", "state_type", "attempt", "output"),
    "INITIAL HOST STATE": ("host", "state", "state_type", "attempt", "output"),
    "SERVICE NOTIFICATION": ("contact", "host", "service", "state", "command", "output"),
    "HOST NOTIFICATION": ("contact", "host", "state", "command", "output"),
    "SERVICE FLAPPING ALERT": ("host", "service", "flapping", "output"),
    "HOST FLAPPING ALERT": ("host", "flapping", "output"),
    "SERVICE DOWNTIME ALERT": ("host", "service", "downtime", "output"),
    "HOST DOWNTIME ALERT": ("host", "downtime", "output"),
}
QUALIFIED = re.compile(r"(?P<type>[A-Z]+) \((?P<state>[A-Z]+)\)")


def event_of(line: str) -> Mapping[str, str] | None:
    """The fields of one line, named as the script names them; None for a line about something else."""
    found = LINE.match(line.strip())
    names = FIELDS.get(found["what"].strip()) if found else None
    if found is None or names is None:
        return None
    values = found["rest"].split(";", len(names) - 1)
    event = {"time": found["at"], **dict(zip(names, values, strict=False))}
    if "flapping" in event:
        event["type"] = "FLAPPINGSTART" if event["flapping"] == "STARTED" else "FLAPPINGSTOP"
    elif "downtime" in event:
        event["type"] = "DOWNTIMESTART" if event["downtime"] == "STARTED" else "DOWNTIMEEND"
    elif qualified := QUALIFIED.fullmatch(event.get("state", "")):  # "ACKNOWLEDGEMENT (CRITICAL)"
        event |= qualified.groupdict()
    return event
