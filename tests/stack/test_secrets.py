"""A link to an original opens it for an hour, to whoever has it: so none is in nginx's log, whatever goes wrong."""

from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
import pytest
from deployment.stack.servers import Stack

from tests.cast import MP4_HEAD
from tests.stack.asking import Headers, raw, upload
from tests.stack.test_faults import away
from tests.stack.test_nginx import elsewhere
from tests.waiting import until

_MANY = 600  # more than the burst, and what a few seconds add


@pytest.fixture
def link(http: httpx2.Client, ana: Headers) -> str:
    video = upload(http, ana, MP4_HEAD).json()
    return str(http.get(f"/api/videos/{video['id']}", headers=ana).json()["original_url"])


@contextmanager
def unlogged(stack: Stack, link: str) -> Iterator[None]:
    """What nginx logs meanwhile, which it does after the answer, has the link's address without its token."""
    address, _, token = link.partition("?token=")
    log = stack.plan.logs / "nginx.log"
    before = log.stat().st_size
    yield
    until(lambda: address in log.read_text()[before:])
    assert token.count(".") == 2
    assert [part for part in token.split(".") if part in log.read_text()[before:]] == []


def test_while_the_application_is_away(stack: Stack, http: httpx2.Client, link: str) -> None:
    with unlogged(stack, link), away(stack, "web"):
        assert http.get(link).status_code == 503


def test_nor_does_a_browser_tell_it_of_what_it_asks_for_beside_it(stack: Stack, http: httpx2.Client, link: str) -> None:
    assert http.get(link).headers.get_list("referrer-policy") == ["no-referrer"]
    with away(stack, "web"):
        assert http.get(link).headers.get_list("referrer-policy") == ["no-referrer"]


def test_beyond_the_limit_of_an_address(stack: Stack, link: str) -> None:
    """The application is away meanwhile: then nginx alone sets the pace."""
    asked = f"GET {link} HTTP/1.1\r\nHost: anb\r\n"
    with unlogged(stack, link), away(stack, "web"):
        answers = raw(stack, "\r\n".join([asked] * _MANY) + "Connection: close\r\n\r\n", "127.0.0.6")
    assert {answer.split()[0] for answer in answers.split(b"HTTP/1.1 ")[1:]} == {b"429", b"503"}


def test_where_nginx_does_not_see_the_file(stack: Stack, http: httpx2.Client, link: str) -> None:
    with unlogged(stack, link):
        with elsewhere(stack):
            until(lambda: http.get(link).status_code == 503)
        until(lambda: http.get(link).status_code == 200)
