"""The cheapest phase and sizes that carry a load. Pure but for the table of prices."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from anb.planning import capacity, costs
from anb.planning.capacity import INSTANCES, needed
from anb.planning.costs import Line, Size
from anb.planning.phases import PHASES, Phase

# https://aws.amazon.com/legal/service-level-agreements/: the monthly uptime, per cent, below which AWS pays back.
_ONE_INSTANCE, _TWO_ZONES, _BALANCER = 99.5, 99.99, 99.99
_DATABASE, _DATABASE_MULTI_AZ = 99.5, 99.95
_CDN, _OBJECTS = 99.9, 99.9


@dataclass(frozen=True)
class Load:
    users: int
    """At once, in the busiest hour."""
    videos_per_hour: int
    """In the busiest hour."""
    availability: float = 0.0
    """Per cent of a month; 0: none is asked for."""


@dataclass(frozen=True)
class Option:
    phase: Phase
    size: Size
    short: tuple[str, ...]
    """Why it does not carry the load; empty: it does."""
    lines: tuple[Line, ...]

    @property
    def hosts_usd(self) -> float:
        return sum(line.usd for line in self.lines if not line.by_use)

    @property
    def usd(self) -> float:
        return sum(line.usd for line in self.lines)


def options(load: Load) -> tuple[Option, ...]:
    """One of each phase, sized for the load as far as it can be."""
    return tuple(sized(phase, load) for phase in PHASES)


def cheapest(found: Sequence[Option]) -> Option | None:
    """None: no phase carries it."""
    return min((one for one in found if not one.short), key=lambda one: one.usd, default=None)


def availability(phase: Phase) -> float:
    """Per cent: the product of what AWS promises of each part without which nobody is served. A worker or Redis is none
    of these: videos wait, votes count."""
    web = (_TWO_ZONES, _BALANCER) if phase.balancer else (_ONE_INSTANCE,)
    media = (_ONE_INSTANCE,) if phase.file_server else (_CDN, _OBJECTS)
    database = _DATABASE_MULTI_AZ if phase.database_copies > 1 else _DATABASE
    one_region: float = prod(each / 100 for each in (*web, *media, database))
    if not phase.second_region:
        return one_region * 100
    # For reading: who votes waits for a promotion when the main region is lost.
    return (1 - (1 - one_region) ** 2) * 100


def carries(phase: Phase) -> Load:
    """The most that a phase carries at its largest, whatever it costs."""
    videos = phase.workers[1] * capacity.videos_per_hour(INSTANCES[phase.instance])
    return Load(min(users_by(phase).values()), videos, availability(phase))


def users_by(phase: Phase) -> dict[str, int]:
    """The most that each part of its hosts lets it carry."""
    instance = INSTANCES[phase.instance]
    found = {"CPUs": phase.web[1] * capacity.users_by_cpu(instance)}
    if phase.file_server:  # without, videos come from CloudFront
        by_files = capacity.users_by_network(INSTANCES[phase.file_server[-1]])
        found["network"] = min(by_files, phase.web[1] * capacity.users_by_network(instance))
    return found


def sized(phase: Phase, load: Load) -> Option:
    """As near to the load as the phase can be; what it falls short of stands in the option."""
    instance = INSTANCES[phase.instance]
    most = carries(phase)
    each_web = capacity.users_by_cpu(instance)
    if phase.file_server:
        each_web = min(each_web, capacity.users_by_network(instance))
    web = _between(phase.web, needed(load.users, each_web))
    workers = _between(phase.workers, needed(load.videos_per_hour, capacity.videos_per_hour(instance)))
    size = Size(
        web,
        workers,
        _file_server(phase, load.users),
    )
    short = []
    if load.users > most.users:
        short.append(f"carries {most.users} users")
    if load.videos_per_hour > most.videos_per_hour:
        short.append(f"makes {most.videos_per_hour} videos an hour")
    if load.availability > most.availability:
        short.append(f"is up {most.availability:.3f} % by AWS' promises")
    return Option(phase, size, tuple(short), costs.lines(phase, size, load.users, load.videos_per_hour))


def _between(span: tuple[int, int], wanted: int) -> int:
    return max(span[0], min(span[1], wanted))


def _file_server(phase: Phase, users: int) -> str:
    """The smallest that carries them, the largest where none does; the empty name where media lie in S3."""
    names = phase.file_server
    enough = (name for name in names if capacity.users_by_network(INSTANCES[name]) >= users)
    return next(enough, names[-1] if names else "")
