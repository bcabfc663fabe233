import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anb.messages import FAILURES
from anb.processing.failures import LOG_DETAIL_MAX, FailureCode, ProcessingFailed
from anb.processing.retry import LONGEST_DELAY_S, GiveUp, Retry, after_failure

TRANSIENT = (
    FailureCode.TOOK_TOO_LONG,
    FailureCode.INTERRUPTED,
    FailureCode.CRASHED,
    FailureCode.DISK_FULL,
    FailureCode.ENGINE_MISSING,
    FailureCode.SOURCE_MISSING,
    FailureCode.INTERNAL,
)


def test_every_failure_has_words_and_no_words_lack_a_failure() -> None:
    assert set(FAILURES) == {code.value for code in FailureCode}


@pytest.mark.parametrize("code", FailureCode)
def test_both_languages_say_the_same_facts(code: FailureCode) -> None:
    text = FAILURES[code]
    fields = [{name for _, name, _, _ in string.Formatter().parse(words) if name} for words in (text.es, text.en)]
    assert fields[0] == fields[1]
    assert text.es.endswith(".")
    assert text.en.endswith(".")


@pytest.mark.parametrize("code", FailureCode)
def test_only_what_a_machine_may_have_done_is_tried_again(code: FailureCode) -> None:
    assert code.permanent is (code not in TRANSIENT)
    assert isinstance(after_failure(code, 1, 3), Retry) is (code in TRANSIENT)


@pytest.mark.parametrize(("attempt", "delay_s"), [(1, 10), (2, 20), (3, 40), (6, 320), (7, 600), (60, 600)])
def test_each_wait_is_twice_the_last_up_to_ten_minutes(attempt: int, delay_s: float) -> None:
    assert after_failure(FailureCode.INTERRUPTED, attempt, 100) == Retry(delay_s)


@pytest.mark.parametrize("attempt", [3, 4])
def test_the_last_attempt_ends_it(attempt: int) -> None:
    assert after_failure(FailureCode.INTERRUPTED, attempt, 3) == GiveUp()


@given(st.sampled_from(FailureCode), st.integers(1, 900), st.integers(1, 900))
def test_no_wait_is_endless(code: FailureCode, attempt: int, most: int) -> None:
    verdict = after_failure(code, attempt, most)
    assert isinstance(verdict, GiveUp) or 0 < verdict.delay_s <= LONGEST_DELAY_S


def test_the_technical_reason_is_bounded_and_keeps_its_end() -> None:
    failure = ProcessingFailed(FailureCode.DAMAGED, log_detail="a" * 9000 + "end", codec="x")
    assert len(failure.log_detail) == LOG_DETAIL_MAX
    assert failure.log_detail.endswith("end")
    assert failure.params == {"codec": "x"}
    assert str(ProcessingFailed(FailureCode.ENCRYPTED)) == "encrypted"
