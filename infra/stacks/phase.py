"""A stack that knows its phase and what was asked for it."""

from aws_cdk import BootstraplessSynthesizer, CfnDeletionPolicy, CfnResource, Environment, Stack
from constructs import Construct

from infra.profiles import Profile
from infra.stacks.parameters import Parameters


class PhaseStack(Stack):
    def __init__(self, scope: Construct, name: str, region: str, profile: Profile) -> None:
        """It refers to no file and no bucket of the CDK, so nothing has to be prepared in the account."""
        super().__init__(
            scope, name, env=Environment(region=region), synthesizer=BootstraplessSynthesizer(),
            description=f"ANB Rising Stars Showcase, phase {profile.number}, {region}",
        )  # fmt: skip
        self.profile = profile
        self.asked = Parameters(self, profile, region)


def outlives_its_stack(resource: CfnResource) -> None:
    """But not a first attempt that fails: what stayed of it under a fixed name would stand in the way of the next."""
    resource.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE
    resource.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
