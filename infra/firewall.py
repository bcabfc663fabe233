"""Who may reach which port of what: the document's security-group table, and what later phases make of it. Pure."""

from dataclasses import dataclass

from infra.profiles import Profile


@dataclass(frozen=True, order=True)
class Rule:
    group: str
    port: int
    source: str
    """A group's name, ADMINISTRATOR, or a CIDR block."""
    why: str


WEB = "WebServer"
WORKER = "Worker"
FILE_SERVER = "FileServer"
STAGING = "Staging"
DATABASE = "RDS"
BALANCER = "LoadBalancer"
CACHE = "Redis"
NODES = "Kubernetes"
GROUPS = (WEB, WORKER, FILE_SERVER, STAGING, DATABASE, BALANCER, CACHE, NODES)

ADMINISTRATOR = "administrator"  # a parameter of the stack: one address
EVERYBODY = "0.0.0.0/0"
SECOND_NETWORK = "10.1.0.0/16"


def groups(profile: Profile) -> tuple[str, ...]:
    """Their names in the document are ANB-{name}-SG."""
    there = {
        WEB: not profile.kubernetes,
        WORKER: not profile.kubernetes,
        FILE_SERVER: profile.file_server is not None,
        STAGING: profile.staging,
        DATABASE: True,
        BALANCER: profile.phase.balancer,
        CACHE: bool(profile.phase.cache),
        NODES: bool(profile.kubernetes),
    }
    return tuple(group for group in GROUPS if there[group])


def rules(profile: Profile, *, main_region: bool = True) -> tuple[Rule, ...]:
    """Everything that may come in; what is not here is closed. Hosts without a public address take no SSH at all."""
    clients = (NODES,) if profile.kubernetes else (WEB, WORKER)
    found = [Rule(DATABASE, 5432, client, "PostgreSQL") for client in clients]
    if profile.phase.balancer:
        found += _of_the_balancer(profile)
    else:
        found.append(Rule(WEB, 8080, EVERYBODY, "public API"))
    if profile.phase.cache:
        found += [Rule(CACHE, 6379, client, "Redis, the queue") for client in clients]
    else:
        found.append(Rule(WEB, 6379, WORKER, "Redis, the queue"))
    if profile.file_server:
        found += [Rule(FILE_SERVER, 2049, client, "NFS") for client in clients]
    if profile.staging:
        found += [Rule(STAGING, 2049, client, "NFS, uploads under way") for client in clients]
    if not profile.phase.private:
        found += [Rule(group, 22, ADMINISTRATOR, "SSH") for group in (WEB, WORKER, FILE_SERVER)]
    if profile.phase.second_region and main_region:
        there = "the second region writes here"
        found += [Rule(DATABASE, 5432, SECOND_NETWORK, there), Rule(CACHE, 6379, SECOND_NETWORK, there)]
    return tuple(found)


def _of_the_balancer(profile: Profile) -> list[Rule]:
    inside = Rule(NODES, 8000, BALANCER, "API in a pod") if profile.kubernetes else Rule(WEB, 8080, BALANCER, "API")
    if not profile.phase.private:
        return [inside, Rule(BALANCER, 80, EVERYBODY, "public API")]
    return [
        inside,
        Rule(BALANCER, 80, EVERYBODY, "only to be sent to HTTPS"),
        Rule(BALANCER, 443, EVERYBODY, "public API"),
    ]
