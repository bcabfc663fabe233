"""Web servers: named hosts, then a group that scales."""

from aws_cdk import CfnOutput, CfnTag, Fn
from aws_cdk import aws_ec2 as ec2

from infra import user_data
from infra.profiles import Host
from infra.stacks.application import OWN_ADDRESS, Application
from infra.stacks.balancing import send_the_public_to
from infra.stacks.hosts import Placement, add_group, add_host
from infra.stacks.network import after_the_gateway
from infra.stacks.phase import PhaseStack
from infra.stacks.scaling import follow_cpu_and_memory
from infra.user_data import Setup

_BEHIND_THE_BALANCER = """\
cat > /etc/nginx/conf.d/anb-balancer.conf << END
# The client is whom the balancer names, and no other host can: limits by address mean people, not the balancer.
set_real_ip_from 10.0.1.0/24;
set_real_ip_from 10.0.2.0/24;
real_ip_header X-Forwarded-For;
real_ip_recursive on;
END
nginx -t -q && systemctl reload nginx
"""

ADDRESS = "WebAddress"

_WITH_ITS_ADDRESS = f"""\
# At a first boot the address that came with the host goes when the lasting one comes: what is under way breaks off.
imds() {{ curl -s --max-time 2 "$@" || true; }}
for _ in $(seq 60); do
  token=$(imds -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" http://169.254.169.254/latest/api/token)
  now=$(imds -H "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/public-ipv4)
  [ "$now" != "${{{ADDRESS}}}" ] || break
  sleep 5
done
"""


def add_web_servers(stack: PhaseStack, application: Application, where: Placement, target_group: str) -> None:
    """A group tells the balancer of its machines; of named hosts the balancer knows by itself."""
    told = {"PRIVATE_ADDRESS": OWN_ADDRESS, **application.exports}
    setup = Setup(
        user_data.WEB, "web", told, application.local, "fastapi.service", before=application.before,
        after=_BEHIND_THE_BALANCER if stack.profile.phase.balancer else "",
        first="" if stack.profile.phase.balancer else _WITH_ITS_ADDRESS,
    )  # fmt: skip
    for host in stack.profile.web_hosts:
        add_host(stack, host, where, setup, stack.profile.phase.disk_gib)
    if not stack.profile.phase.balancer:
        _keep_the_address(stack, stack.profile.web_hosts[0])
    if not stack.profile.web_hosts:
        follow_cpu_and_memory(stack, add_group(stack, "Web", where, setup, target_group))
        send_the_public_to(stack, "WebGroup")


def _keep_the_address(stack: PhaseStack, host: Host) -> None:
    """The site's: an update stops and starts its host, and by itself EC2 gives it another address each time."""
    address = ec2.CfnEIP(stack, ADDRESS, domain="vpc", tags=[CfnTag(key="Name", value=f"ANB-{host.name}")])
    after_the_gateway(stack, address)
    ec2.CfnEIPAssociation(
        stack, f"{ADDRESS}Association", allocation_id=address.attr_allocation_id, instance_id=Fn.ref(host.name)
    )
    CfnOutput(stack, "SiteAddress", value=address.ref, description="Where the site is, at port 8080")
