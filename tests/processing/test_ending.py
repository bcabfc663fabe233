import signal

import pytest

from anb.processing.ending import Ending, blame, lacks_decoder
from anb.processing.failures import FailureCode
from anb.processing.limits import Limits

LIMITS = Limits(cpu_seconds=60)


def ended(
    status: int | None = None,
    by: int | None = None,
    words: str = "",
    *,
    cpu_s: float = 1,
    late: bool = False,
    loud: bool = False,
) -> Ending:
    return Ending(status, by, cpu_s=cpu_s, peak_bytes=0, out_of_time=late, last_words=words, flooded=loud)


ENDINGS = {
    "well": (ended(0), None),
    "well, at the last moment": (ended(0, late=True), None),
    "wall clock": (ended(by=signal.SIGKILL, late=True), FailureCode.TOOK_TOO_LONG),
    "wall clock, launcher killed with it": (ended(late=True), FailureCode.TOOK_TOO_LONG),
    "too much said": (ended(loud=True), FailureCode.TOO_HEAVY),
    "too much said, but well": (ended(0, loud=True), FailureCode.TOO_HEAVY),
    "too much output": (ended(by=signal.SIGXFSZ), FailureCode.TOO_HEAVY),
    "too much work": (ended(by=signal.SIGKILL, cpu_s=59.5), FailureCode.TOO_HEAVY),
    "killed": (ended(by=signal.SIGKILL, cpu_s=58), FailureCode.INTERRUPTED),
    "asked to stop": (ended(by=signal.SIGTERM), FailureCode.INTERRUPTED),
    "interrupted": (ended(by=signal.SIGINT), FailureCode.INTERRUPTED),
    "hung up": (ended(by=signal.SIGHUP), FailureCode.INTERRUPTED),
    "launcher killed": (ended(), FailureCode.INTERRUPTED),
    "crashed": (ended(by=signal.SIGSEGV), FailureCode.CRASHED),
    "gave up": (ended(by=signal.SIGABRT), FailureCode.CRASHED),
    "disk full": (ended(1, words="av_interleaved_write_frame(): No space left on device"), FailureCode.DISK_FULL),
    "no memory": (ended(244, words="Cannot allocate memory"), FailureCode.TOO_HEAVY),
    "no memory in the probe": (ended(1, words="MemoryError"), FailureCode.TOO_HEAVY),
    "claimed a gigabyte": (ended(1, words="malloc of size 1000000001 failed"), FailureCode.TOO_HEAVY),
    "not there": (ended(127, words="cage: No such file or directory"), FailureCode.ENGINE_MISSING),
    "no encoder": (ended(1, words="[fatal] Unknown encoder 'libx264'"), FailureCode.ENGINE_MISSING),
    "no filter": (ended(1, words="[AVFilterGraph @ 0x5] No such filter: 'zscale'"), FailureCode.ENGINE_MISSING),
    "another FFmpeg": (ended(1, words="Unrecognized option 'stats_period'."), FailureCode.ENGINE_MISSING),
    "own 127": (ended(127, words="Invalid data"), FailureCode.DAMAGED),
    "no index": (ended(1, words="moov atom not found"), FailureCode.CUT_OFF),
    "anything else": (ended(187, words="Invalid data found when processing input"), FailureCode.DAMAGED),
}


@pytest.mark.parametrize(("ending", "code"), ENDINGS.values(), ids=ENDINGS)
def test_an_ending_is_somebody_s_fault(ending: Ending, code: FailureCode | None) -> None:
    assert blame(ending, LIMITS) is code


WORDS = {
    "not there": ("[error] Decoder (codec none) not found for input stream #0:1", True),
    "not willing": ("[error] Error while opening decoder for input stream #0:1 : Invalid argument", True),
    "newer": ("[aist#0:1/ac4 @ 0x5] Decoding requested, but no decoder found for: ac4\nmore", True),
    "another stream": ("[error] Decoder (codec none) not found for input stream #0:12", False),
    "only counted": ("[verbose] Input stream #0:1 (audio): 44 packets read\n[error] some decoder", False),
}


@pytest.mark.parametrize(("words", "lacking"), WORDS.values(), ids=WORDS)
def test_a_missing_decoder_is_read_off_the_last_words(words: str, *, lacking: bool) -> None:
    assert lacks_decoder(ended(1, words=words), 1) is lacking
