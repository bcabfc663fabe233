"""What the kernel says of this machine."""

from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class CpuTime:
    """Ticks since the start of the machine, of all its CPUs."""

    all: int
    idle: int


def cpu_time() -> CpuTime | None:
    """None: a kernel without /proc (macOS)."""
    try:
        first = _STAT.read_text().splitlines()[0]
    except OSError:
        return None
    return parsed(first)


def parsed(line: str) -> CpuTime:
    """proc(5): user nice system idle iowait irq softirq steal guest guest_nice; guests are in user and nice already.

    Waiting for a disk is idle, as node_exporter's mode="idle" would not have it: a web server that waits for a disk has
    CPU left.
    """
    ticks = [int(word) for word in line.split()[1:9]]
    return CpuTime(sum(ticks), ticks[3] + ticks[4])


def busy_percent(before: CpuTime | None, after: CpuTime | None) -> float | None:
    if before is None or after is None or after.all <= before.all:
        return None
    return 100 * (1 - (after.idle - before.idle) / (after.all - before.all))
