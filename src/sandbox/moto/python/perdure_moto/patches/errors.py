"""AWS errors the plug-in raises, with the codes and messages AWS uses."""

from moto.core.exceptions import ServiceException
from moto.ec2.exceptions import EC2ClientError


class Ec2Error(EC2ClientError):
    """An EC2 error of any code."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


class ElbError(ServiceException):
    """An error of either load-balancing API."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)


def dependency_violation(kind: str, resource_id: str) -> Ec2Error:
    """The refusal to delete something that others still use."""
    return Ec2Error("DependencyViolation", f"The {kind} '{resource_id}' has dependencies and cannot be deleted.")
