"""How often one may do what, and by which key it is counted. Pure.

Somebody who shares an address (a school, a mobile network) must never notice; somebody who tries passwords must.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv6Address, ip_address

_SLOWEST_S = 5.0


class Action(StrEnum):
    SIGN_UP = "sign_up"
    LOG_IN = "log_in"
    UPLOAD = "upload"
    VOTE = "vote"


@dataclass(frozen=True)
class Rule:
    """At most so many in a window that begins with the first of them."""

    by: tuple[str, ...]
    most: int
    window_s: int
    slows: bool = False
    """Beyond `most` each try has to wait, but none is refused: nobody can lock the owner out."""


RULES: dict[Action, tuple[Rule, ...]] = {
    Action.SIGN_UP: (Rule(("address",), 100, 600), Rule(("address",), 1000, 86_400)),
    # A log-in that succeeds forgets what was counted by account.
    Action.LOG_IN: (
        Rule(("account", "address"), 10, 900),
        Rule(("account",), 20, 3600, slows=True),
        Rule(("address",), 300, 300),
    ),
    Action.UPLOAD: (Rule(("player",), 60, 3600),),
    Action.VOTE: (Rule(("player",), 120, 60), Rule(("address",), 3000, 60)),
}


@dataclass(frozen=True)
class Window:
    """One rule for one somebody. The key tells nothing about them."""

    key: str
    by: tuple[str, ...]
    most: float
    seconds: int
    slows: bool


@dataclass(frozen=True)
class Count:
    value: int
    ends_in_s: float


@dataclass(frozen=True)
class Verdict:
    refused_for_s: int = 0
    """Whole seconds after which the same would be allowed; 0: it is."""
    slowed_by_s: float = 0.0


def windows(action: Action, who: Mapping[str, str], times: float = 1.0) -> list[Window]:
    """`who` has a value for each name in the rules' `by`; `times` makes every limit wider."""
    return [
        Window(_key(action, rule, who), rule.by, rule.most * times, rule.window_s, rule.slows) for rule in RULES[action]
    ]


def verdict(asked: Sequence[Window], counts: Sequence[Count]) -> Verdict:
    """`counts` include the try that is judged."""
    beyond = [(window, count) for window, count in zip(asked, counts, strict=True) if count.value > window.most]
    refusals = [max(1, math.ceil(count.ends_in_s)) for window, count in beyond if not window.slows]
    waits = [min(_SLOWEST_S, (count.value - window.most) / 10) for window, count in beyond if window.slows]
    return Verdict(max(refusals, default=0), max(waits, default=0.0))


def address_group(address: str) -> str:
    """Who has an IPv6 address has 2^64 of them (RFC 6177): they count as one."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
    return str(parsed)


def _key(action: Action, rule: Rule, who: Mapping[str, str]) -> str:
    value = "\0".join(who[name] for name in rule.by)
    digest = hashlib.blake2b(value.encode("utf-8", "replace"), digest_size=16).hexdigest()
    return f"anb:rate:{action}:{'+'.join(rule.by)}:{rule.window_s}:{digest}"
