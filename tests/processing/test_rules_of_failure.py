"""Failures, their texts, retries, who is to blame: all pure."""

import signal
from dataclasses import replace

import pytest

from anb.messages import FAILURES
from anb.processing.ending import TOOL_NOT_STARTED, Ending, blame
from anb.processing.failures import LOG_DETAIL_MAX, FailureCode, ProcessingFailed
from anb.processing.limits import Limits
from anb.processing.retry import GiveUp, Retry, after_failure


@pytest.mark.parametrize("code", FailureCode)
def test_every_failure_has_a_text_in_both_languages(code: FailureCode) -> None:
    text = FAILURES[code]
    assert text.es.strip()
    assert text.en.strip()
    assert text.es.count("{") == text.en.count("{")


def test_no_text_belongs_to_a_failure_that_is_gone() -> None:
    assert set(FAILURES) == set(FailureCode)


def test_a_technical_reason_is_bounded_and_keeps_its_end() -> None:
    failure = ProcessingFailed(FailureCode.DAMAGED, log_detail="x" * 9000 + "end")
    assert len(failure.log_detail) == LOG_DETAIL_MAX
    assert failure.log_detail.endswith("end")
    assert str(failure).startswith("damaged: ")
    assert str(ProcessingFailed(FailureCode.DAMAGED)) == "damaged"


TRANSIENT = {"took_too_long", "interrupted", "crashed", "disk_full", "engine_missing", "source_missing", "internal"}


@pytest.mark.parametrize("code", FailureCode)
def test_only_the_machine_s_trouble_is_tried_again(code: FailureCode) -> None:
    assert code.permanent is (code.value not in TRANSIENT)
    assert isinstance(after_failure(code, 1, 3), GiveUp if code.permanent else Retry)


@pytest.mark.parametrize(
    ("attempt", "decision"),
    [
        (1, Retry(10)),
        (2, Retry(20)),
        (3, Retry(40)),
        (6, Retry(320)),
        (7, Retry(600)),
        (19, Retry(600)),
        (20, GiveUp()),
    ],
)
def test_each_wait_is_twice_the_last_one_up_to_ten_minutes(attempt: int, decision: Retry | GiveUp) -> None:
    assert after_failure(FailureCode.INTERRUPTED, attempt, 20) == decision


WELL = Ending(exit=0, signal=None, cpu_s=1, peak_bytes=1, out_of_time=False, last_words="")
ENDINGS = (
    (WELL, None),
    (replace(WELL, out_of_time=True), None),
    (replace(WELL, exit=None, out_of_time=True), FailureCode.TOOK_TOO_LONG),
    (replace(WELL, exit=1), FailureCode.DAMAGED),
    (replace(WELL, exit=None), FailureCode.INTERRUPTED),
    (replace(WELL, exit=None, signal=signal.SIGKILL), FailureCode.INTERRUPTED),
    (replace(WELL, exit=None, signal=signal.SIGTERM), FailureCode.INTERRUPTED),
    (replace(WELL, exit=None, signal=signal.SIGKILL, cpu_s=899), FailureCode.TOO_HEAVY),
    (replace(WELL, exit=None, signal=signal.SIGKILL, cpu_s=898.9), FailureCode.INTERRUPTED),
    (replace(WELL, exit=None, signal=signal.SIGTERM, cpu_s=899), FailureCode.INTERRUPTED),
    (replace(WELL, exit=None, signal=signal.SIGXFSZ), FailureCode.TOO_HEAVY),
    (replace(WELL, exit=None, signal=signal.SIGSEGV), FailureCode.CRASHED),
    (replace(WELL, exit=1, last_words="x: No space left on device"), FailureCode.DISK_FULL),
    (replace(WELL, exit=1, last_words="x: Cannot allocate memory"), FailureCode.TOO_HEAVY),
    (replace(WELL, exit=1, last_words="MemoryError"), FailureCode.TOO_HEAVY),
    (replace(WELL, exit=1, last_words="malloc of size 9 failed"), FailureCode.TOO_HEAVY),
    (replace(WELL, exit=1, last_words="moov atom not found"), FailureCode.CUT_OFF),
    (replace(WELL, exit=TOOL_NOT_STARTED, last_words="cage: no such file"), FailureCode.ENGINE_MISSING),
    (replace(WELL, exit=TOOL_NOT_STARTED, last_words="else"), FailureCode.DAMAGED),
    (replace(WELL, exit=1, last_words="cage: words of a file"), FailureCode.DAMAGED),
)


@pytest.mark.parametrize(("ending", "code"), ENDINGS)
def test_who_is_to_blame_for_how_a_tool_ended(ending: Ending, code: FailureCode | None) -> None:
    assert blame(ending, Limits(cpu_seconds=900)) == code
