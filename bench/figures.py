"""Small sums over what was measured."""

from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest rank: a value that was really seen."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


def milliseconds(seconds: Sequence[float], percent: float) -> float:
    return round(percentile(seconds, percent) * 1000, 2)
