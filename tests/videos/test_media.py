import uuid

import pytest
from fastapi import FastAPI

from anb.storage.base import RESULTS
from tests.cast import Cast, problem

DATA = bytes(range(256)) * 10


@pytest.fixture
def url(app: FastAPI) -> str:
    key = f"{RESULTS}/{uuid.uuid4()}.1.mp4"
    (app.state.storage.root / key).write_bytes(DATA)
    return f"/media/{key}"


def test_a_result_is_served_whole_with_its_type(cast: Cast, url: str) -> None:
    answer = cast.client.get(url)
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-type"] == "video/mp4"
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in answer.headers["cache-control"]
    head = cast.client.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(DATA))


@pytest.mark.parametrize(
    ("asked", "status", "expected"),
    [
        ("bytes=0-9", 206, DATA[:10]), ("bytes=100-", 206, DATA[100:]), ("bytes=-5", 206, DATA[-5:]),
        ("bytes=2550-9999", 206, DATA[2550:]), ("bytes=9999-", 416, None), ("bytes=0-1,9999-", 206, DATA[:2]),
        ("bytes=8888-,9999-", 416, None),
        ("bytes=-0", 416, None), ("lines=1-2", 200, DATA),
        ("bytes=x-y", 200, DATA), ("bytes=9-2", 200, DATA), ("", 200, DATA),
        ("bytes=0-" + "9" * 5000, 200, DATA), ("bytes=" + "9" * 5000 + "-", 200, DATA),
        ("bytes=-" + "9" * 5000, 200, DATA),
    ],
)  # fmt: skip
def test_ranges(cast: Cast, url: str, asked: str, status: int, expected: bytes | None) -> None:
    answer = cast.client.get(url, headers={"Range": asked})
    assert answer.status_code == status
    if expected is None:
        problem(answer, 416, "range_not_satisfiable")
        assert answer.headers["content-range"] == "bytes */2560"
    else:
        assert answer.content == expected


def test_an_unchanged_file_is_not_sent_again(cast: Cast, url: str) -> None:
    first = cast.client.get(url)
    conditions = {"If-None-Match": first.headers["etag"], "If-Modified-Since": first.headers["last-modified"]}
    for name, value in conditions.items():
        assert cast.client.get(url, headers={name: value}).status_code == 304
    assert cast.client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
    for date in ("nonsense", "Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 01 Jan 2999 00:00:00 -9999999999"):
        assert cast.client.get(url, headers={"If-Modified-Since": date}).status_code == 200


def test_who_goes_on_with_a_file_hears_where_it_is_another(cast: Cast, url: str) -> None:
    first = cast.client.get(url)
    same = {"If-Match": first.headers["etag"], "If-Unmodified-Since": first.headers["last-modified"]}
    for name, value in (*same.items(), ("If-Match", "*"), ("If-Unmodified-Since", "nonsense")):
        answer = cast.client.get(url, headers={name: value, "Range": "bytes=0-9"})
        assert (answer.status_code, len(answer.content)) == (206, 10), name
    other = {
        "If-Match": f'"other", W/{first.headers["etag"]}',
        "If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT",
    }
    for name, value in other.items():
        problem(cast.client.get(url, headers={name: value, "Range": "bytes=0-9"}), 412, "precondition_failed")


def test_a_range_is_for_reading_alone(cast: Cast, url: str) -> None:
    answer = cast.client.head(url, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.headers["content-length"]) == (200, "2560")


@pytest.mark.parametrize(
    "path",
    [
        "processed/../anb.db", "processed/%2e%2e/%2e%2e/anb.db", "%2fetc/passwd", "../anb.db", "processed/",
        "processed/.hidden.part", "secret_key", "processed%00", "%00", "processed/" + "x" * 5000,
    ],
)  # fmt: skip
def test_nothing_outside_storage_is_served(cast: Cast, path: str) -> None:
    assert cast.client.get(f"/media/{path}").status_code == 404
