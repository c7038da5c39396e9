"""Findings in the AWS Security Finding Format (ASFF): the words in which Security Hub keeps them.

https://docs.aws.amazon.com/securityhub/latest/userguide/securityhub-findings-format.html
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.entities import observed
from firstline.intake.signal import Entity, EntityKind, Signal, SignalKind
from firstline.intake.sources.aws_securityhub import severity
from firstline.intake.sources.parsing import ParseError, Received, bounded_key, digest, instant, text_of
from firstline.intake.sources.security import (
    Place,
    Record,
    alarm,
    entities_at,
    expiry,
    objects_at,
    text_at,
    texts_at,
)

REMOTE = "aws/guardduty/service/action/{}/remoteIpDetails/ipAddressV4"
PLACES: tuple[Place, ...] = (
    ("Network.SourceIpV4", EntityKind.IP, "source"),
    ("Network.SourceIpV6", EntityKind.IP, "source"),
    ("Network.SourceDomain", EntityKind.DOMAIN, "source"),
    ("Network.DestinationIpV4", EntityKind.IP, "target"),
    ("Network.DestinationIpV6", EntityKind.IP, "target"),
    ("Network.DestinationDomain", EntityKind.DOMAIN, "target"),
    ("Action.NetworkConnectionAction.RemoteIpDetails.IpAddressV4", EntityKind.IP, "source"),
    ("Action.AwsApiCallAction.RemoteIpDetails.IpAddressV4", EntityKind.IP, "source"),
    ("Action.PortProbeAction.PortProbeDetails.RemoteIpDetails.IpAddressV4", EntityKind.IP, "source"),
    ("Action.DnsRequestAction.Domain", EntityKind.DOMAIN, "target"),
    ("Process.Path", EntityKind.PROCESS, "actor"),
    ("Process.Name", EntityKind.PROCESS, "actor"),
    ("Resources.Details.AwsEc2Instance.IpV4Addresses", EntityKind.IP, "target"),
    ("Resources.Details.AwsEc2Instance.IpV6Addresses", EntityKind.IP, "target"),
    ("Resources.Details.AwsIamAccessKey.PrincipalName", EntityKind.USER, "actor"),
    ("Resources.Details.AwsIamAccessKey.UserName", EntityKind.USER, "actor"),
    ("Resources.Details.AwsIamAccessKey.SessionContext.SessionIssuer.Arn", EntityKind.USER, "actor"),
    ("Resources.Details.AwsIamUser.UserName", EntityKind.USER, "target"),
    *(
        (f"ProductFields.{REMOTE.format(action)}", EntityKind.IP, "source")
        for action in ("awsApiCallAction", "networkConnectionAction", "kubernetesApiCallAction")
    ),
)
INDICATORS = {
    "IPV4_ADDRESS": EntityKind.IP,
    "IPV6_ADDRESS": EntityKind.IP,
    "DOMAIN": EntityKind.DOMAIN,
    "URL": EntityKind.URL,
    "HASH_MD5": EntityKind.FILE_HASH,
    "HASH_SHA1": EntityKind.FILE_HASH,
    "HASH_SHA256": EntityKind.FILE_HASH,
    "HASH_SHA512": EntityKind.FILE_HASH,
    "PROCESS": EntityKind.PROCESS,
}
INSTANCE = "AwsEc2Instance"
WORDS = re.compile(r"[/:]")
# a detector that reports all accesses and grades them in the title: this one says that it found nothing
HARMLESS = re.compile(r"^\W*(?:non|not)[- ](?:suspicious|malicious)\b", re.IGNORECASE)


def is_finding(record: Record) -> bool:
    """Whether this is a finding in ASFF."""
    return "ProductArn" in record and "Id" in record


def signals(row: Received, settings: Mapping[str, Any], position: int, finding: Record) -> Iterator[Signal]:
    """One signal; none for samples and for what calls itself harmless."""
    title = text_of(finding.get("Title"))
    if not title:
        raise ParseError("the finding has no title", f"$[{position}].Title")
    if finding.get("Sample") is True or HARMLESS.match(title):
        return
    kind = _kind(finding)
    yield alarm(
        row,
        kind=kind,
        key=bounded_key(text_of(finding.get("Id")) or digest(title, text_at(finding, "Resources.Id"))),
        title=title,
        texts=texts_at(finding, "Description", "Remediation.Recommendation.Text"),
        severity=severity.of_finding(
            text_at(finding, "Severity.Label", "FindingProviderFields.Severity.Label"),
            text_at(finding, "Severity.Normalized"),
        ),
        ci=text_at(finding, "Resources.Id"),
        service=text_at(finding, "ProductName"),
        found=_entities(finding),
        attack=_attack(finding),
        labels={
            "product": text_at(finding, "ProductName"),
            "generator": finding.get("GeneratorId"),
            "type": text_at(finding, "Types", "FindingProviderFields.Types"),
            "account": finding.get("AwsAccountId"),
            "region": text_at(finding, "Region", "Resources.Region"),
            "resource": text_at(finding, "Resources.Id"),
            "workflow": text_at(finding, "Workflow.Status", "WorkflowState"),
            "compliance": text_at(finding, "Compliance.Status"),
            "cve": ", ".join(texts_at(finding, "Vulnerabilities.Id")),
        },
        links=[
            (text_at(finding, "SourceUrl"), "source"),
            (text_at(finding, "Remediation.Recommendation.Url"), "remediation"),
        ],
        happened=instant(text_at(finding, "LastObservedAt", "UpdatedAt", "CreatedAt")),
        ends_at=expiry(row, settings) if kind is SignalKind.TRIGGER else None,
        position=position,
    )


def _kind(finding: Record) -> SignalKind:
    workflow = text_at(finding, "Workflow.Status", "WorkflowState").upper()
    over = (
        workflow in ("RESOLVED", "SUPPRESSED")
        or text_at(finding, "RecordState").upper() == "ARCHIVED"
        or text_at(finding, "Compliance.Status").upper() == "PASSED"
    )
    return SignalKind.RESOLVE if over else SignalKind.TRIGGER


def _attack(finding: Record) -> list[str]:
    types = texts_at(finding, "Types", "FindingProviderFields.Types")
    return [word for text in types for word in WORDS.split(text)]


def _entities(finding: Record) -> Iterator[Entity]:
    yield from entities_at(finding, PLACES)
    for indicator in objects_at(finding, "ThreatIntelIndicators"):
        kind = INDICATORS.get(text_of(indicator.get("Type")))
        if kind is not None:
            yield from observed(kind, text_of(indicator.get("Value")))
    for resource in objects_at(finding, "Resources"):
        if resource.get("Type") == INSTANCE:
            yield from observed(EntityKind.HOST, text_of(resource.get("Id")).rpartition("/")[2], "target")
