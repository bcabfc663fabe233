"""Whether `aws …` says what AWS' own description of its services knows. Nothing is asked of AWS."""

import re

import botocore.session
import jmespath
from botocore import xform_name

_OF_THE_PROGRAM = {"--region", "--query", "--output", "--profile", "--max-items"}
_PROGRAMS_OWN = {
    ("s3", "cp"),
    ("s3", "ls"),
    ("cloudformation", "deploy"),
    ("eks", "update-kubeconfig"),
    ("logs", "tail"),
}
"""Commands that the program adds to the services'."""

_session = botocore.session.get_session()


def mistakes(words: list[str]) -> list[str]:
    """Of a call without the word `aws`."""
    service, operation, *rest = words
    if "--query" in rest:
        jmespath.compile(rest[rest.index("--query") + 1])
    if (service, operation) in _PROGRAMS_OWN:
        return []
    service = "s3" if service == "s3api" else service
    if service not in _session.get_available_services():
        return [f"no service {service}"]
    model = _session.get_service_model(service)
    named = {xform_name(name).replace("_", "-"): name for name in model.operation_names}
    if operation == "wait":
        waits = _session.get_waiter_model(service)
        waiters = {xform_name(name).replace("_", "-"): waits.get_waiter(name).operation for name in waits.waiter_names}
        if rest[0] not in waiters:
            return [f"no waiter {service} {rest[0]}"]
        return _parameters(model.operation_model(waiters[rest[0]]).input_shape, rest[1:])
    if operation not in named:
        return [f"no operation {service} {operation}"]
    return _parameters(model.operation_model(named[operation]).input_shape, rest)


def _parameters(shape: "botocore.model.StructureShape | None", words: list[str]) -> list[str]:
    members = {f"--{xform_name(name).replace('_', '-')}": name for name in (shape.members if shape else ())}
    flags = {re.sub(r"^--no-", "--", word) for word in words if word.startswith("--")}
    unknown = flags - members.keys() - _OF_THE_PROGRAM
    missing = {flag for flag, name in members.items() if shape and name in shape.required_members} - flags
    return [*(f"no parameter {flag}" for flag in unknown), *(f"{flag} is missing" for flag in missing)]
