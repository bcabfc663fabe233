"""Who dies when. Pure: the same seed makes the same plan."""

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Blow:
    """`after_s` seconds after the one before."""

    after_s: float
    victim: str


def make_plan(seed: int, kills: int, victims: Sequence[str]) -> list[Blow]:
    """Every 1 to 3 s; each victim about as often as the others, in no order."""
    source = random.Random(seed)
    rounds: list[str] = []
    while len(rounds) < kills:
        rounds += source.sample(victims, len(victims))
    return [Blow(source.uniform(1.0, 3.0), victim) for victim in rounds[:kills]]
