"""Each phase made once a session: its templates as dictionaries, and what cdk-nag says of it."""

import json
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import Validations
from cdk_nag import AwsSolutionsChecks

from infra.app import STACK, app_of
from infra.profiles import PROFILES, Profile

Resource = dict[str, Any]

PHASES = range(len(PROFILES))


@dataclass(frozen=True)
class Made:
    profile: Profile
    folder: Path
    findings: list[tuple[str, str]]
    """Rule and logical id."""

    def template(self, stack: str = STACK) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"{stack}.template.json").read_text())
        return found

    def resources(self, kind: str = "", stack: str = STACK) -> dict[str, Resource]:
        """By logical id; of one type, such as AWS::EC2::VPC."""
        every: dict[str, Resource] = self.template(stack)["Resources"]
        return {name: one for name, one in every.items() if kind in ("", one["Type"])}

    def properties(self, name: str, stack: str = STACK) -> dict[str, Any]:
        found: dict[str, Any] = self.template(stack)["Resources"][name]["Properties"]
        return found


@cache
def made(phase: int, *, acknowledged: bool = True) -> Made:
    folder = Path(tempfile.mkdtemp(prefix="anb-infra-"))
    app = app_of(PROFILES[phase], folder, acknowledged=acknowledged)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:  # findings are read from the report, all of them
        if "ValidationFailed" not in str(error):
            raise
    report = json.loads((folder / "validation-report.json").read_text())
    findings = [
        (violation["ruleName"], construct["constructPath"].split("/")[-1])
        for plugin in report["pluginReports"]
        for violation in plugin["violations"]
        for construct in violation["violatingConstructs"]
    ]
    return Made(PROFILES[phase], folder, findings)


def name_of(resource: Resource) -> str:
    """Its Name tag."""
    return next((tag["Value"] for tag in resource["Properties"].get("Tags", []) if tag["Key"] == "Name"), "")


def pointed(value: Any) -> Any:
    """What a reference points to, whether by Ref or by Fn::GetAtt; anything else as it is."""
    if isinstance(value, dict) and len(value) == 1:
        if "Ref" in value:
            return value["Ref"]
        if "Fn::GetAtt" in value:
            return value["Fn::GetAtt"][0]
    return value


def incoming(one: Made, stack: str = STACK) -> set[tuple[str, int, str]]:
    """Group, port and source of every rule, by the names that the document uses. All of them are TCP."""
    groups = one.resources("AWS::EC2::SecurityGroup", stack)
    names = {key: name_of(group) for key, group in groups.items()}
    rules = [(names[key], rule) for key, group in groups.items()
             for rule in group["Properties"].get("SecurityGroupIngress", [])]  # fmt: skip
    rules += [(names[pointed(rule["Properties"]["GroupId"])], rule["Properties"])
              for rule in one.resources("AWS::EC2::SecurityGroupIngress", stack).values()]  # fmt: skip
    assert all(rule["IpProtocol"] == "tcp" and rule["FromPort"] == rule["ToPort"] for _, rule in rules)
    return {(group, rule["FromPort"], _source(rule, names)) for group, rule in rules}


def _source(rule: dict[str, object], names: dict[str, str]) -> str:
    if "SourceSecurityGroupId" in rule:
        return names[pointed(rule["SourceSecurityGroupId"])]
    address = rule["CidrIp"]
    return "administrator's address" if address == {"Ref": "Administrator"} else str(address)
