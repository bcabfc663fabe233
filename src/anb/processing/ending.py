"""How a tool ended, and whose fault that was. Pure."""

import re
import signal
from dataclasses import dataclass

from anb.processing.failures import FailureCode
from anb.processing.limits import Limits

TOOL_NOT_STARTED = 127


@dataclass(frozen=True)
class Ending:
    """`exit` and `signal` are both None when the launcher itself was killed. `last_words`: the end of its stderr."""

    exit: int | None
    signal: int | None
    cpu_s: float
    peak_bytes: int
    out_of_time: bool
    last_words: str
    flooded: bool = False
    """It said more than anybody should have to hear, and was killed for it."""


def blame(ending: Ending, limits: Limits) -> FailureCode | None:
    """None when the tool ended by itself and well.

    Exit codes differ between FFmpeg's versions, so only zero or not is read from them.
    """
    if ending.flooded:  # whatever came of it: not all of it was heard
        return FailureCode.TOO_HEAVY
    if ending.exit == 0:
        return None
    if ending.out_of_time:
        return FailureCode.TOOK_TOO_LONG
    if ending.exit is None:
        return _blame_signal(ending, limits)
    return _blame_words(ending)


def _blame_signal(ending: Ending, limits: Limits) -> FailureCode:
    if ending.signal == signal.SIGXFSZ:
        return FailureCode.TOO_HEAVY
    if ending.signal == signal.SIGKILL and ending.cpu_s >= limits.cpu_seconds - 1:
        return FailureCode.TOO_HEAVY
    if ending.signal in (None, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        return FailureCode.INTERRUPTED
    return FailureCode.CRASHED


def lacks_decoder(ending: Ending, stream: int) -> bool:
    """Whether FFmpeg gave up over a stream of the source that it cannot decode."""
    return any("ecoder" in line and re.search(rf"#0:{stream}\b", line) for line in ending.last_words.splitlines())


_NOT_BUILT_IN = ("Unknown encoder", "No such filter", "Unrecognized option")
"""Of an FFmpeg that was made without what every command of ours asks for."""
_CUT_OFF = ("moov atom not found", "EBML header parsing failed", "File ended prematurely before")


def _blame_words(ending: Ending) -> FailureCode:
    words = ending.last_words
    if "No space left on device" in words:
        return FailureCode.DISK_FULL
    if (
        "Cannot allocate memory" in words
        or "memory exhausted" in words
        or "MemoryError" in words
        or "malloc of size" in words
    ):
        return FailureCode.TOO_HEAVY
    if (ending.exit == TOOL_NOT_STARTED and "cage:" in words) or any(sign in words for sign in _NOT_BUILT_IN):
        return FailureCode.ENGINE_MISSING
    return FailureCode.CUT_OFF if any(sign in words for sign in _CUT_OFF) else FailureCode.DAMAGED
