"""GuardDuty's own findings, as EventBridge and its export to S3 have them.

https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_finding-format.html
"""

from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.signal import EntityKind, Signal, SignalKind
from firstline.intake.sources.aws_securityhub import severity
from firstline.intake.sources.parsing import ParseError, Received, bounded_key, digest, instant, text_of
from firstline.intake.sources.security import (
    Place,
    Record,
    alarm,
    entities_at,
    expiry,
    part_at,
    text_at,
)

ACTIONS = ("networkConnectionAction", "awsApiCallAction", "kubernetesApiCallAction", "rdsLoginAttemptAction")
PLACES: tuple[Place, ...] = (
    ("resource.instanceDetails.instanceId", EntityKind.HOST, "target"),
    ("resource.instanceDetails.networkInterfaces.privateIpAddress", EntityKind.IP, "target"),
    ("resource.instanceDetails.networkInterfaces.publicIp", EntityKind.IP, "target"),
    ("resource.accessKeyDetails.userName", EntityKind.USER, "actor"),
    ("resource.kubernetesDetails.kubernetesUserDetails.username", EntityKind.USER, "actor"),
    ("resource.rdsDbUserDetails.user", EntityKind.USER, "target"),
    ("service.action.dnsRequestAction.domain", EntityKind.DOMAIN, "target"),
    ("service.action.awsApiCallAction.domainDetails.domain", EntityKind.DOMAIN, "source"),
    ("service.action.portProbeAction.portProbeDetails.remoteIpDetails.ipAddressV4", EntityKind.IP, "source"),
    ("service.runtimeDetails.process.executablePath", EntityKind.PROCESS, "actor"),
    ("service.runtimeDetails.process.executableSha256", EntityKind.FILE_HASH, ""),
    *(
        (f"service.action.{action}.remoteIpDetails.ipAddress{version}", EntityKind.IP, "source")
        for action in ACTIONS
        for version in ("V4", "V6")
    ),
)
RESOURCE = (
    "resource.instanceDetails.instanceId",
    "resource.accessKeyDetails.userName",
    "resource.eksClusterDetails.name",
    "resource.s3BucketDetails.name",
    "service.action.awsApiCallAction.affectedResources.AWS::IAM::Role",
)


def is_finding(record: Record) -> bool:
    """Whether this is a finding of GuardDuty in its own format."""
    return isinstance(record.get("service"), dict) and "severity" in record and "type" in record


def signals(row: Received, settings: Mapping[str, Any], position: int, finding: Record) -> Iterator[Signal]:
    """One signal; none for the sample findings that GuardDuty makes for trying things out."""
    title = text_of(finding.get("title")) or text_of(finding.get("type"))
    if not title:
        raise ParseError("the finding has no title", f"$[{position}].title")
    service = part_at(finding, "service")
    if part_at(service, "additionalInfo").get("sample") is True:
        return
    kind = SignalKind.RESOLVE if service.get("archived") is True else SignalKind.TRIGGER
    named = text_of(finding.get("type"))
    yield alarm(
        row,
        kind=kind,
        key=bounded_key(text_of(finding.get("arn")) or text_of(finding.get("id")) or digest(title)),
        title=title,
        texts=[text_of(finding.get("description"))],
        severity=severity.of_guardduty(text_of(finding.get("severity"))),
        ci=text_at(finding, *RESOURCE),
        service="GuardDuty",
        found=entities_at(finding, PLACES),
        attack=[named.partition(":")[0]],
        labels={
            "type": named,
            "account": finding.get("accountId"),
            "region": finding.get("region"),
            "count": service.get("count"),
            "api": text_at(service, "action.awsApiCallAction.api"),
            "resource": text_at(finding, "resource.resourceType"),
        },
        happened=instant(text_at(service, "eventLastSeen") or finding.get("updatedAt")),
        ends_at=expiry(row, settings) if kind is SignalKind.TRIGGER else None,
        position=position,
    )
