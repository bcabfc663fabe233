"""nginx copies what it says of its own refusals, for it answers where the application does not."""

import re
from pathlib import Path

import pytest

from anb.errors import AnbError
from anb.http.problems import _CODES, _headers
from anb.messages import PROBLEMS
from anb.videos.upload_policy import LONGEST_SILENCE_S

TEMPLATE = (Path(__file__).parents[2] / "deployment/nginx/anb.conf.template").read_text()

OF_ITS_OWN = {
    "forbidden",  # /metrics, which the application leaves to it
    "too_many_requests",  # by address and second: the application's counts tries, and knows how long to wait
}


def table(source: str, target: str) -> dict[str, str]:
    (body,) = re.findall(rf"^map \${source} \${target} \{{(.*?)\}}$", TEMPLATE, re.MULTILINE | re.DOTALL)
    return {key: value.strip('"') for key, value in re.findall(r'(\w+) (".*?"|\w+);', body)}


CODES = table("status", "anb_code")


@pytest.mark.parametrize("code", sorted(set(CODES.values()) - OF_ITS_OWN))
def test_its_sentences_are_the_applications(code: str) -> None:
    said = table("anb_code", "anb_titulo")[code], table("anb_code", "anb_title")[code]
    assert said == (PROBLEMS[code].es, PROBLEMS[code].en)


@pytest.mark.parametrize("name", ["anb_title", "anb_titulo"])
def test_each_of_its_codes_has_a_sentence_in_both_languages(name: str) -> None:
    assert set(table("anb_code", name)) == set(CODES.values())


def test_a_status_has_the_applications_code() -> None:
    ours = {str(status): code for status, code in _CODES.items()}
    assert {status: code for status, code in CODES.items() if status in ours} == ours


def test_it_waits_for_a_silent_body_longer_than_the_application_who_says_why_it_ends() -> None:
    (seconds,) = re.findall(r"client_body_timeout (\d+)s;", TEMPLATE)
    assert int(seconds) > LONGEST_SILENCE_S


@pytest.mark.parametrize(("status", "after"), table("status", "anb_retry_after").items())
def test_whoever_is_refused_is_told_to_wait_as_long(status: str, after: str) -> None:
    assert _headers(int(status), AnbError("busy")) == {"Retry-After": after}
