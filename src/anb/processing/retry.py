"""Whether a failed video is tried again, and when. Pure."""

from dataclasses import dataclass

from anb.processing.failures import FailureCode

FIRST_DELAY_S = 10.0
LONGEST_DELAY_S = 600.0


@dataclass(frozen=True)
class Retry:
    delay_s: float


@dataclass(frozen=True)
class GiveUp:
    pass


def after_failure(code: FailureCode, attempt: int, max_attempts: int) -> Retry | GiveUp:
    """`attempt` is the one that has just failed, counted from 1."""
    if code.permanent or attempt >= max_attempts:
        return GiveUp()
    return Retry(min(FIRST_DELAY_S * 2.0 ** (attempt - 1), LONGEST_DELAY_S))
