"""What tools call things: how much each name of a field says about what the field is.

A name is split into words (`alertTitle`, `alert_title` and `alert-title` are the same two words) and joined again; a
table gives a joined name its weight, 100 at most.
"""

import re
from functools import lru_cache

WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
SUBJECTS = (
    "alert", "alarm", "event", "incident", "issue", "problem", "rule", "monitor", "check", "condition", "detection",
    "trigger", "finding", "test", "search", "detector", "threat", "case", "notification", "signal", "watch", "query",
)  # fmt: skip
# parents under which a name is about something else: a person, a place, a setting
ASIDE = frozenset((
    "user", "owner", "creator", "author", "sender", "actor", "assignee", "repository", "org", "organization", "account",
    "team", "contact", "links", "request", "response", "contexts", "device", "browser", "os", "geo", "parent",
    "previous", "config", "settings", "region", "location", "city", "country", "pusher", "from", "chat", "headers",
    "snapshots", "installation", "recipient", "recipients", "thresholds", "cloud", "metadata", "enrichment",
))  # fmt: skip


@lru_cache(maxsize=8192)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a field's name, in lower case."""
    return tuple(word.lower() for word in WORDS.findall(name))


def _with(names: dict[str, int], weight: int, endings: tuple[str, ...]) -> dict[str, int]:
    return names | {f"{subject}{ending}": weight for subject in SUBJECTS for ending in endings}


TITLE = _with(
    {
        "title": 96, "subject": 94, "headline": 94, "summary": 90, "shortdescription": 88, "shortmessage": 86,
        "displayname": 80, "rule": 86, "signature": 84, "message": 74, "msg": 72, "text": 68, "description": 66,
        "statusmessage": 66, "reason": 56, "output": 58, "cause": 58, "details": 44, "info": 50, "name": 62, "body": 48,
        "longdescription": 46, "category": 40, "operationname": 46, "eventtype": 42, "type": 30, "event": 44,
        "action": 26, "check": 54, "alert": 78, "alarm": 78, "problem": 78, "incident": 70, "data": 24, "service": 34,
        "terminatingruleid": 34, "plogtype": 32, "eventsimplename": 48, "subjecttype": 40, "label": 40, "metric": 30,
    },
    98,
    ("title", "name", "subject"),
)  # fmt: skip
TITLE = (
    _with(TITLE, 88, ("summary", "displayname")) | _with({}, 70, ("description", "message", "text")) | TITLE
)
TITLE |= {
    "jobname": 84, "job": 50, "servicedesc": 64, "servicedescription": 64, "sensor": 70, "sensorname": 82,
    "workflow": 60,
    "workflowname": 76, "pipeline": 56, "pipelinename": 76, "taskname": 76, "process": 40, "displayname": 80,
}  # fmt: skip
# a title that is only a message: its wording changes from one notification to the next
MESSAGES = frozenset((
    "message", "msg", "text", "description", "statusmessage", "output", "reason", "details", "cause", "body", "info",
    "longdescription", "data", "serviceoutput", "hostoutput", "eventmessage", "alertmessage", "errormessage",
))  # fmt: skip
# what sort of thing it is: no name of one
SORTS = frozenset(("type", "category", "eventtype", "action", "label", "event", "data"))
TITLE |= {"serviceoutput": 56, "hostoutput": 54, "errormessage": 66}
TITLE |= {"eventname": 60, "testname": 90, "checkname": 94, "queryname": 80, "username": 0, "hostname": 0}
DESCRIPTION = _with(
    {
        "description": 90, "message": 84, "text": 80, "body": 80, "details": 76, "longdescription": 92, "desc": 84,
        "longoutput": 70, "output": 74, "reason": 72, "cause": 70, "statereason": 80, "newstatereason": 82, "info": 60,
        "summary": 66, "resultdescription": 82, "fulllog": 50, "msg": 70, "statusmessage": 70, "errormessage": 80,
        "error": 50, "comment": 50, "content": 46,
    },
    82,
    ("description", "message", "text", "details", "status"),
)  # fmt: skip
SEVERITY = _with(
    {
        "severity": 100, "severitylabel": 104, "severityname": 102, "severitylevel": 96, "severitytext": 98,
        "priority": 80, "prioritylabel": 82, "priorityname": 82, "level": 72, "loglevel": 66, "criticality": 84,
        "urgency": 70, "importance": 60, "importancelevel": 62, "impact": 58, "alerttype": 50, "risklevel": 66,
        "sev": 80, "threatlevel": 66, "confidence": 0, "severityid": 60, "nseverity": 70, "color": 0,
    },
    96,
    ("severity", "priority", "level"),
)  # fmt: skip
STATE = _with(
    {
        "status": 84, "state": 90, "currentstate": 98, "newstate": 98, "currentstatus": 98, "newstatus": 98,
        "statevalue": 92, "newstatevalue": 98, "statusname": 84, "action": 60, "eventtype": 58, "event": 54,
        "transition": 90, "conclusion": 70, "workflowstatus": 88, "notificationtype": 88, "condition": 46,
        "resolution": 40, "outcome": 56, "kind": 40, "type": 36, "monitorcondition": 94, "lifecycle": 60,
        "servicestate": 88,
        "hoststate": 84, "triggertype": 58, "checkstate": 88, "verb": 50,
        "webhookevent": 54, "level": 30, "severity": 20, "result": 50,
    },
    94,
    ("state", "status", "action", "transition", "event"),
)  # fmt: skip
# names whose boolean says that it is over, or that it is not
OVER = frozenset(
    ("resolved", "isresolved", "recovered", "isrecovered", "cleared", "fixed", "closed", "isclosed", "ok")
)
GOING = frozenset(
    ("firing", "active", "isactive", "triggered", "isfiring", "open", "isopen", "alerting", "down")
)
ENDED_AT = frozenset(
    f"{verb}{tail}"
    for verb in ("resolved", "closed", "ended", "recovered", "cleared", "fixed")
    for tail in ("at", "time", "on", "date", "timestamp")
)
KEY = {
    "dedupkey": 100, "dedupid": 100, "deduplicationkey": 100, "dedup": 98, "fingerprint": 98, "incidentkey": 96,
    "alertkey": 96, "aggregationkey": 94, "aggregkey": 94, "correlationkey": 90, "alertuid": 92, "alertid": 92,
    "alarmid": 90, "alarmarn": 92, "problemid": 90, "incidentid": 90, "issueid": 88, "alertuuid": 92, "alertkeyid": 90,
    "correlationid": 60, "monitorid": 84, "checkid": 84, "caseid": 80, "ticketid": 70, "detectionid": 78,
    "findingid": 78, "findingarn": 80, "testid": 76, "groupkey": 60, "alias": 70, "hash": 50, "incidentnumber": 74,
    "incidentuuid": 88,
    "uid": 58, "uuid": 52, "id": 56, "key": 60, "arn": 54, "eventid": 36, "guid": 40, "number": 40, "identifier": 64,
    "shortid": 50,
}  # fmt: skip
# words at the end of a name that say only how the value is written
WRITTEN = frozenset(("string", "text", "name", "label", "value", "level", "str"))
# ids of a rule, not of what it found: a key only together with where it was found
RULE = {
    "ruleid": 70, "policyid": 56, "conditionid": 62, "eventdefinitionid": 74, "definitionid": 62, "signatureid": 68,
    "detectorid": 60, "queryid": 56, "alertruleid": 74, "rulename": 52, "triggerid": 66, "searchname": 56, "sid": 30,
}  # fmt: skip
SERVICE = {
    "service": 96, "servicename": 98, "application": 86, "applicationname": 88, "app": 84, "appname": 86,
    "component": 66, "componentname": 68, "project": 62, "projectname": 66, "product": 50,
    "productname": 46, "system": 44, "job": 36, "namespace": 30, "projectslug": 60, "site": 20,
}  # fmt: skip
CI = {
    "host": 96, "hostname": 98, "server": 88, "servername": 90, "instance": 86, "instanceid": 80, "instancename": 88,
    "node": 86, "nodename": 88, "computer": 88, "computername": 90, "machine": 86, "machinename": 88, "device": 80,
    "devicename": 86, "resource": 78, "resourcename": 82, "resourcedisplayname": 86, "entity": 66, "entityname": 76,
    "target": 62, "targetname": 66, "agentname": 80, "asset": 70, "assetname": 76, "vm": 70, "pod": 60, "podname": 62,
    "container": 50, "cluster": 44, "fullname": 50, "ip": 50, "ipaddress": 54, "destip": 52, "address": 40,
    "monitorurl": 52, "url": 10, "dest": 60, "computerdnsname": 88, "deviceid": 50, "clientname": 56,
    "awsaccountid": 30, "accountid": 20, "sysname": 80, "source": 34,
}  # fmt: skip
TIME = _with(
    {
        "startsat": 96, "startedat": 94, "starttime": 90, "occurredat": 94, "firedat": 92, "triggeredat": 92,
        "timestamp": 84, "time": 80, "datetime": 82, "date": 66, "createdat": 74, "created": 68, "receivedat": 50,
        "firstseen": 60, "firstobservedat": 76, "firedatetime": 90, "statechangetime": 94, "updatedat": 56, "ts": 70,
        "lastupdated": 54, "messagetime": 70, "detectedat": 86, "peventtime": 60, "opentime": 80, "openedat": 84,
    },
    84,
    ("time", "timestamp", "date", "datetime"),
)  # fmt: skip
LINK = _with(
    {
        "url": 70, "link": 74, "weburl": 84, "htmlurl": 86, "permalink": 88, "href": 50, "shortlink": 80, "uri": 30,
        "dashboardurl": 66, "consoleurl": 76, "console": 40, "resultsurl": 74, "resultslink": 76, "generatorurl": 76,
        "rcalink": 78, "externalurl": 60, "detailsurl": 80, "detailurl": 80, "sourceurl": 60, "viewurl": 74,
    },
    90,
    ("url", "link", "weburl"),
)  # fmt: skip
GROUP = {"groupkey": 90, "groupingkey": 92, "groupid": 60, "alertgroupid": 80, "correlationid": 50}
