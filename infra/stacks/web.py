"""Web servers: named hosts, then a group that scales."""

from infra import user_data
from infra.stacks.application import OWN_ADDRESS, Application
from infra.stacks.balancing import send_the_public_to
from infra.stacks.hosts import Placement, add_group, add_host
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


def add_web_servers(stack: PhaseStack, application: Application, where: Placement, target_group: str) -> None:
    """A group tells the balancer of its machines; of named hosts the balancer knows by itself."""
    told = {"PRIVATE_ADDRESS": OWN_ADDRESS, **application.exports}
    setup = Setup(
        user_data.WEB, "web", told, application.local, "fastapi.service", before=application.before,
        after=_BEHIND_THE_BALANCER if stack.profile.phase.balancer else "",
    )  # fmt: skip
    for host in stack.profile.web_hosts:
        add_host(stack, host, where, setup, stack.profile.phase.disk_gib)
    if not stack.profile.web_hosts:
        follow_cpu_and_memory(stack, add_group(stack, "Web", where, setup, target_group))
        send_the_public_to(stack, "WebGroup")
