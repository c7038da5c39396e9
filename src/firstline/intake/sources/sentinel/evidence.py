"""Observables in Microsoft's words: Sentinel's entities (`kind`, `properties`), the evidence of Defender's alerts in
Microsoft Graph (`@odata.type`), and the evidence of the older Defender API (`entityType`). All of them say what they
mean by the names of their fields, so one table reads them.

https://learn.microsoft.com/en-us/azure/sentinel/entities-reference,
https://learn.microsoft.com/en-us/graph/api/resources/security-alertevidence
"""

from collections.abc import Iterator

from firstline.intake.entities import observed
from firstline.intake.signal import Entity, EntityKind
from firstline.intake.sources.security import Place, Record, account, entities_at, text_at, texts_at

PLACES: tuple[Place, ...] = (
    ("address", EntityKind.IP, ""),
    ("ipAddress", EntityKind.IP, ""),
    ("ipInterfaces", EntityKind.IP, ""),
    ("lastIpAddress", EntityKind.IP, ""),
    ("lastExternalIpAddress", EntityKind.IP, ""),
    ("deviceDnsName", EntityKind.HOST, ""),
    ("computerDnsName", EntityKind.HOST, ""),
    ("domainName", EntityKind.DOMAIN, ""),
    ("url", EntityKind.URL, ""),
    ("hashValue", EntityKind.FILE_HASH, ""),
    ("sha1", EntityKind.FILE_HASH, ""),
    ("sha256", EntityKind.FILE_HASH, ""),
    ("md5", EntityKind.FILE_HASH, ""),
    ("fileDetails.sha1", EntityKind.FILE_HASH, ""),
    ("fileDetails.sha256", EntityKind.FILE_HASH, ""),
    ("imageFile.sha256", EntityKind.FILE_HASH, ""),
)
ROLES = {
    "source": "source",
    "attacker": "source",
    "commandandcontrol": "source",
    "destination": "target",
    "compromised": "target",
    "attacked": "target",
    "impacted": "target",
    "related": "",
}
USERS = (
    ("", "accountName", "domainName"),
    ("", "accountName", "ntDomain"),
    ("userAccount.", "accountName", "domainName"),
    ("loggedOnUsers.", "accountName", "domainName"),
)


def entities_of(one: Record) -> Iterator[Entity]:
    """The observables of one entity or piece of evidence."""
    inner = one.get("properties")
    fields = {**one, **inner} if isinstance(inner, dict) else one
    role = next((ROLES[word] for word in _roles(fields) if word in ROLES), "")
    for found in entities_at(fields, PLACES):
        if not (found.kind is EntityKind.DOMAIN and text_at(fields, "accountName")):  # a user's domain
            yield Entity(found.kind, found.value, role)
    yield from observed(EntityKind.HOST, _host(fields), role)
    yield from observed(EntityKind.USER, _user(fields), role)
    for prefix, part in (
        ("imageFile", "actor"),
        ("parentProcessImageFile", "parent"),
        ("parentProcess", "parent"),
    ):
        yield from observed(EntityKind.PROCESS, _path(fields, prefix), part)


def _roles(fields: Record) -> list[str]:
    return [text.lower() for text in texts_at(fields, "roles", "evidenceRole", "detailedRoles")]


def _host(fields: Record) -> str:
    name = text_at(fields, "hostName", "netBiosName")
    domain = text_at(fields, "dnsDomain")
    return f"{name}.{domain}" if name and domain and "." not in name else name


def _user(fields: Record) -> str:
    principal = text_at(fields, "userPrincipalName", "userAccount.userPrincipalName")
    if principal:
        return principal
    name, suffix = text_at(fields, "accountName"), text_at(fields, "upnSuffix", "uPNSuffix")
    if name and suffix:
        return f"{name}@{suffix}"
    for prefix, user, domain in USERS:
        if (written := text_at(fields, prefix + user)) and (known := text_at(fields, prefix + domain)):
            return account(written, known)
    return text_at(fields, "accountName", "userAccount.accountName", "loggedOnUsers.accountName")


def _path(fields: Record, prefix: str) -> str:
    folder = text_at(fields, f"{prefix}.filePath", f"{prefix}.directory", f"{prefix}.imageFile.filePath")
    name = text_at(fields, f"{prefix}.fileName", f"{prefix}.name", f"{prefix}.imageFile.fileName")
    if not folder or not name or folder.lower().endswith(name.lower()):
        return folder or name
    return f"{folder.rstrip('/' + chr(92))}{'/' if '/' in folder else chr(92)}{name}"
