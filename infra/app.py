"""A phase as CloudFormation templates. `python -m infra PHASE [FOLDER]` writes them, without the CDK's own command."""

from pathlib import Path

from aws_cdk import App, Stack, Tags
from aws_cdk.cx_api import CloudAssembly

from infra.findings import acknowledge
from infra.profiles import PROFILES, Profile
from infra.stacks.delivery import Delivery
from infra.stacks.main_region import MainRegion
from infra.stacks.second_region import SecondRegion

STACK = "anb"
SECOND_STACK = "anb-second-region"
DELIVERY_STACK = "anb-delivery"


def app_of(profile: Profile, folder: Path | None = None, *, acknowledged: bool = True) -> App:
    """Without `acknowledged` the checks say everything, also what `infra.findings` accepts."""
    app = App(outdir=str(folder) if folder else None, analytics_reporting=False)
    stacks: list[Stack] = [Delivery(app, DELIVERY_STACK, STACK, SECOND_STACK), MainRegion(app, STACK, profile)]
    if profile.phase.second_region:
        stacks.append(SecondRegion(app, SECOND_STACK, profile))
    Tags.of(app).add("project", "anb")
    if acknowledged:
        for stack in stacks:
            acknowledge(stack)
    return app


def synthesized(phase: int, folder: Path | None = None) -> CloudAssembly:
    return app_of(PROFILES[phase], folder).synth()
