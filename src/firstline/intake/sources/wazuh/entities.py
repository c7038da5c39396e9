"""Where observables stand in a Wazuh alert; decoders name the same thing differently."""

from collections.abc import Iterator

from firstline.intake.entities import observed
from firstline.intake.signal import Entity, EntityKind
from firstline.intake.sources.security import Place, Record, account, entities_at, text_at

PLACES: tuple[Place, ...] = (
    ("agent.name", EntityKind.HOST, "target"),
    ("agent.ip", EntityKind.IP, "target"),
    ("predecoder.hostname", EntityKind.HOST, "target"),
    ("data.srcip", EntityKind.IP, "source"),
    ("data.src_ip", EntityKind.IP, "source"),
    ("data.aws.source_ip_address", EntityKind.IP, "source"),
    ("data.office365.ClientIP", EntityKind.IP, "source"),
    ("data.dstip", EntityKind.IP, "target"),
    ("data.dest_ip", EntityKind.IP, "target"),
    ("data.srcuser", EntityKind.USER, "actor"),
    ("data.dstuser", EntityKind.USER, "target"),
    ("data.user", EntityKind.USER, "actor"),
    ("data.office365.UserId", EntityKind.USER, "actor"),
    ("data.win.eventdata.user", EntityKind.USER, "actor"),
    ("data.win.eventdata.ipAddress", EntityKind.IP, "source"),
    ("data.win.eventdata.sourceIp", EntityKind.IP, "source"),
    ("data.win.eventdata.destinationIp", EntityKind.IP, "target"),
    ("data.win.eventdata.destinationHostname", EntityKind.HOST, "target"),
    ("data.win.eventdata.queryName", EntityKind.DOMAIN, "target"),
    ("data.win.eventdata.image", EntityKind.PROCESS, "actor"),
    ("data.win.eventdata.newProcessName", EntityKind.PROCESS, "actor"),
    ("data.win.eventdata.parentImage", EntityKind.PROCESS, "parent"),
    ("data.win.eventdata.hashes", EntityKind.FILE_HASH, ""),
    ("data.win.system.computer", EntityKind.HOST, "target"),
    ("data.audit.exe", EntityKind.PROCESS, "actor"),
    ("data.process.name", EntityKind.PROCESS, "actor"),
    ("syscheck.sha256_after", EntityKind.FILE_HASH, ""),
    ("syscheck.sha1_after", EntityKind.FILE_HASH, ""),
    ("syscheck.md5_after", EntityKind.FILE_HASH, ""),
    ("data.virustotal.source.md5", EntityKind.FILE_HASH, ""),
    ("data.virustotal.source.sha1", EntityKind.FILE_HASH, ""),
    ("data.url", EntityKind.URL, ""),
    ("data.http.hostname", EntityKind.DOMAIN, "target"),
    ("data.tls.sni", EntityKind.DOMAIN, "target"),
    ("data.hostname", EntityKind.HOST, ""),
)
# name, domain and role of Windows' accounts
ACCOUNTS = (
    ("data.win.eventdata.targetUserName", "data.win.eventdata.targetDomainName", "target"),
    ("data.win.eventdata.subjectUserName", "data.win.eventdata.subjectDomainName", "actor"),
)


def entities_of(alert: Record) -> Iterator[Entity]:
    """The observables of one alert, as they were met."""
    yield from entities_at(alert, PLACES)
    for name, domain, role in ACCOUNTS:
        yield from observed(EntityKind.USER, account(text_at(alert, name), text_at(alert, domain)), role)
