"""Launch templates: versions can be deleted, are found by number, and numbers are never given twice."""

from typing import Any

from moto.core.responses import ActionResult
from moto.ec2.models.launch_templates import LaunchTemplate
from moto.ec2.responses import EC2Response
from moto.ec2.responses.launch_templates import LaunchTemplates

from ..emulator import Emulator
from ..patching import define, wrap
from .errors import Ec2Error


def install(emulator: Emulator) -> None:
    """Applies the patches."""

    @wrap(LaunchTemplate, "create_version")
    def create_version(original: Any, self: Any, data: Any, description: Any) -> Any:
        version = original(self, data, description)
        version.number = getattr(self, "_perdure_last_number", 0) + 1
        self._perdure_last_number = version.number
        return version

    @wrap(LaunchTemplate, "get_version")
    def get_version(original: Any, self: Any, number: Any) -> Any:
        if str(number).lower() == "$latest":
            return self.versions[-1]
        wanted = self.default_version_number if str(number).lower() == "$default" else number
        for version in self.versions:
            if str(version.number) == str(wanted):
                return version
        message = f"Could not find launch template version {number} of {self.id}."
        raise Ec2Error("InvalidLaunchTemplateId.VersionNotFound", message)

    LaunchTemplate.default_version = lambda self: self.get_version("$Default")

    @define(EC2Response, "delete_launch_template_versions")
    def delete_launch_template_versions(self: Any) -> ActionResult:
        return ActionResult(_delete_versions(self))

    @wrap(LaunchTemplates, "describe_launch_template_versions")
    def describe_versions(original: Any, self: Any) -> Any:
        template = _template(self)
        for name in ("MinVersion", "MaxVersion"):
            word = self._get_param(name)
            if template and word in ("$Latest", "$Default"):
                self._get_params()[name] = str(template.get_version(word).number)
        return original(self)


def _template(response: Any) -> Any:
    backend = response.ec2_backend
    if template_id := response._get_param("LaunchTemplateId"):
        return backend.get_launch_template(template_id)
    if name := response._get_param("LaunchTemplateName"):
        return backend.get_launch_template_by_name(name)
    return None


def _delete_versions(response: Any) -> dict[str, Any]:
    template = _template(response)
    succeeded: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for number in map(int, response._get_param("Versions", [])):
        facts = {"LaunchTemplateId": template.id, "LaunchTemplateName": template.name, "VersionNumber": number}
        version = next((v for v in template.versions if v.number == number), None)
        if version is None or number == template.default_version_number:
            code = "launchTemplateVersionDoesNotExist" if version is None else "unexpectedError"
            message = f"Could not delete launch template version {number}: it does not exist or is the default."
            failed.append({**facts, "ResponseError": {"Code": code, "Message": message}})
            continue
        template.versions.remove(version)
        succeeded.append(facts)
    return {
        "SuccessfullyDeletedLaunchTemplateVersions": succeeded,
        "UnsuccessfullyDeletedLaunchTemplateVersions": failed,
    }
