"""Security Hub and GuardDuty findings, as EventBridge sends them to an API destination."""

from ..lines import LinesFront


class AwsSecurityHubFront(LinesFront):
    kind = "aws_securityhub"
    security = True
