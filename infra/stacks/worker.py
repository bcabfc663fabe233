"""Workers: named hosts, of which the first has the beat, then a group that follows the queue."""

from infra import user_data
from infra.stacks.application import Application
from infra.stacks.hosts import Placement, add_group, add_host
from infra.stacks.phase import PhaseStack
from infra.stacks.scaling import follow_queue
from infra.user_data import Setup


def add_workers(stack: PhaseStack, application: Application, where: Placement) -> None:
    """In a group each has a beat: none is special, and two beats do no harm."""
    profile = stack.profile
    for host in profile.worker_hosts:
        beat = "yes" if host == profile.worker_hosts[0] else "no"
        add_host(stack, host, where, _setup(application, beat), profile.phase.disk_gib)
    if not profile.worker_hosts:
        follow_queue(stack, add_group(stack, "Worker", where, _setup(application, "yes")))


def _setup(application: Application, beat: str) -> Setup:
    told = {**application.exports, "BEAT": beat}
    units = "celery.service celerybeat.service"
    return Setup(user_data.WORKER, "worker", told, application.local, units, before=application.before)
