"""What differs from account to account: asked for at deployment, never written into the code."""

from aws_cdk import CfnParameter, Stack

from anb.planning.phases import SECOND_REGION
from infra.profiles import Profile

_ONE_ADDRESS = r"^(?!0\.)(\d{1,3}\.){3}\d{1,3}/32$"


class Parameters:
    def __init__(self, stack: Stack, profile: Profile, region: str) -> None:
        self._stack = stack
        if region != SECOND_REGION:
            self.alarms_to = self._ask("AlarmsTo", "E-mail address that alarms go to", r"^[^@\s]+@[^@\s]+\.[a-z]+$")
        if profile.kubernetes and region == SECOND_REGION:
            self.main_network = self._ask("MainNetwork", "Id of the main region's VPC", "^vpc-[0-9a-f]+$")
        elif profile.kubernetes:
            self.peering = self._ask("Peering", "Output PeeringId of the second region's stack", "^pcx-[0-9a-f]+$")
            said = "Output ReplicaAddress of the second region's stack"
            self._ask("Replica", said, r"^[a-z0-9.-]+\.rds\.amazonaws\.com$")
        if not profile.phase.private or profile.kubernetes:
            said = "The administrator's address, as A.B.C.D/32: nobody else reaches SSH, or EKS"
            self.administrator = self._ask("Administrator", said, _ONE_ADDRESS)
        if profile.kubernetes:
            said = "Role of the deploy workflow (AWS_DEPLOYER_ROLE at GitHub), not the one that makes this stack"
            self.deployer = self._ask("DeployerRole", said, r"^arn:aws:iam::\d{12}:role/\S+$")
        if not profile.phase.private:
            self.key_pair = CfnParameter(
                stack, "KeyPair", type="AWS::EC2::KeyPair::KeyName", default="anb-key-pair",
                description="Key pair for SSH, made in the console; its private half never leaves the administrator",
            ).value_as_string  # fmt: skip
        if not profile.kubernetes:
            said = "Ubuntu Server 22.04 LTS, amd64. A parameter, so that no update replaces a host by surprise"
            self.image = CfnParameter(stack, "Image", type="AWS::EC2::Image::Id", description=said).value_as_string
            bucket = r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
            self.release_bucket = self._ask("ReleaseBucket", "Bucket of the release archives", bucket)
            self.release_key = self._ask("ReleaseKey", "Release to run: a .tar.gz of the tree", r"^\S+\.tar\.gz$")
            self.release_sha256 = self._ask("ReleaseSha256", "Its SHA-256; hosts refuse any other", r"^[0-9a-f]{64}$")
        if profile.bucket and profile.file_server:
            self.media = CfnParameter(
                stack, "Media", allowed_values=["folder", "both", "bucket"], default="folder",
                description="Where new media go: the steps of docs/howto/move-the-media.md. Phase 2 needs bucket",
            ).value_as_string  # fmt: skip
        if profile.phase.private:
            self.domain = self._ask("Domain", "Where the site is, such as anb.example.com", r"^([a-z0-9-]+\.)+[a-z]+$")
            self.zone = CfnParameter(
                stack, "Zone", type="AWS::Route53::HostedZone::Id", description="The hosted zone of that domain"
            ).value_as_string

    def _ask(self, name: str, description: str, pattern: str) -> str:
        return CfnParameter(
            self._stack, name, description=description, allowed_pattern=pattern, constraint_description=description
        ).value_as_string
