import uuid

import pytest
from fastapi import FastAPI

from anb.storage.base import RESULTS
from anb.videos.lifecycle import Status
from tests.cast import Cast, problem


def titles(cast: Cast, query: str = "") -> list[str]:
    return [video["title"] for video in cast.client.get(f"/api/public/videos{query}").json()]


def test_only_published_videos_are_public(cast: Cast) -> None:
    for status in Status:
        cast.video(cast.ana, status.value, status)
    assert titles(cast) == ["completed"]
    body = cast.client.get("/api/public/videos").json()[0]
    assert set(body) == {
        "video_id", "title", "player_name", "city", "country", "processed_url", "poster_url", "votes", "uploaded_at",
    }  # fmt: skip
    assert cast.client.get(f"/api/public/videos/{body['video_id']}").json() == body


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["c", "b", "a"]),
        ("?order=asc", ["a", "b", "c"]),
        ("?order_by=votes", ["b", "a", "c"]),
        ("?order_by=votes&order=asc", ["c", "a", "b"]),
        ("?page_size=2&page=2", ["a"]),
        ("?page=9", []),
    ],
)
def test_orders_are_total_and_each_is_the_other_backwards(cast: Cast, query: str, expected: list[str]) -> None:
    videos = {title: cast.video(cast.ana, title) for title in "abc"}
    cast.vote(cast.beto, videos["b"])
    assert titles(cast, query) == expected


def test_pages_are_counted_and_linked(cast: Cast) -> None:
    for number in range(5):
        cast.video(cast.ana, str(number))
    answer = cast.client.get("/api/public/videos?page=2&page_size=2&city=bogota")
    assert answer.headers["x-total-count"] == "5"
    links = {link.partition("; ")[2]: link for link in answer.headers["link"].split(", ")}
    pages = {"first": 1, "prev": 1, "next": 3, "last": 3}
    assert set(links) == {f'rel="{name}"' for name in pages}
    for name, page in pages.items():
        assert links[f'rel="{name}"'].startswith(f"</api/public/videos?page_size=2&city=bogota&page={page}>")


@pytest.mark.parametrize("status", [Status.PENDING, Status.PROCESSING, Status.FAILED])
def test_an_unpublished_video_is_404(cast: Cast, status: Status) -> None:
    problem(cast.client.get(f"/api/public/videos/{cast.video(cast.ana, status=status)}"), 404, "video_not_found")
    problem(cast.client.get("/api/public/videos/nonsense"), 404, "video_not_found")


@pytest.mark.parametrize("query", ["order_by=title", "order=up"])
def test_an_unknown_order_names_the_choices(cast: Cast, query: str) -> None:
    body = problem(cast.client.get(f"/api/public/videos?{query}"), 422, "invalid_fields")
    assert body["errors"][0]["code"] == "not_a_choice"


def test_public_pages_may_be_cached_for_a_second_and_are_revalidated(cast: Cast) -> None:
    cast.video(cast.ana)
    first = cast.client.get("/api/public/videos")
    assert first.headers["cache-control"] == "public, max-age=1, stale-while-revalidate=10"
    for known in (first.headers["etag"], "*"):
        again = cast.client.get("/api/public/videos", headers={"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")


def test_a_kept_page_is_loaded_anew_when_asked(cast: Cast) -> None:
    assert titles(cast) == []
    cast.video(cast.ana, "nuevo")  # behind the application's back
    assert titles(cast) == []
    fresh = cast.client.get("/api/public/videos", headers={"Cache-Control": "no-cache"})
    assert [video["title"] for video in fresh.json()] == ["nuevo"]
    assert titles(cast) == ["nuevo"]


class TestMedia:
    DATA = bytes(range(256)) * 10

    @pytest.fixture
    def url(self, app: FastAPI) -> str:
        key = f"{RESULTS}/{uuid.uuid4()}.1.mp4"
        (app.state.storage.root / key).write_bytes(self.DATA)
        return f"/media/{key}"

    def test_a_result_is_served_whole_with_its_type(self, cast: Cast, url: str) -> None:
        answer = cast.client.get(url)
        assert (answer.status_code, answer.content) == (200, self.DATA)
        assert answer.headers["content-type"] == "video/mp4"
        assert answer.headers["accept-ranges"] == "bytes"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "immutable" in answer.headers["cache-control"]
        head = cast.client.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(self.DATA))

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
    def test_ranges(self, cast: Cast, url: str, asked: str, status: int, expected: bytes | None) -> None:
        answer = cast.client.get(url, headers={"Range": asked})
        assert answer.status_code == status
        if expected is None:
            problem(answer, 416, "range_not_satisfiable")
            assert answer.headers["content-range"] == "bytes */2560"
        else:
            assert answer.content == expected

    def test_an_unchanged_file_is_not_sent_again(self, cast: Cast, url: str) -> None:
        first = cast.client.get(url)
        conditions = {"If-None-Match": first.headers["etag"], "If-Modified-Since": first.headers["last-modified"]}
        for name, value in conditions.items():
            assert cast.client.get(url, headers={name: value}).status_code == 304
        assert cast.client.get(url, headers={"If-None-Match": '"other"'}).status_code == 200
        for date in ("nonsense", "Mon, 01 Jan 99999999999 00:00:00 GMT", "Mon, 01 Jan 2999 00:00:00 -9999999999"):
            assert cast.client.get(url, headers={"If-Modified-Since": date}).status_code == 200

    def test_who_goes_on_with_a_file_hears_where_it_is_another(self, cast: Cast, url: str) -> None:
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

    def test_a_range_is_for_reading_alone(self, cast: Cast, url: str) -> None:
        answer = cast.client.head(url, headers={"Range": "bytes=0-9"})
        assert (answer.status_code, answer.headers["content-length"]) == (200, "2560")

    @pytest.mark.parametrize(
        "path",
        [
            "processed/../anb.db", "processed/%2e%2e/%2e%2e/anb.db", "%2fetc/passwd", "../anb.db", "processed/",
            "processed/.hidden.part", "secret_key", "processed%00", "%00", "processed/" + "x" * 5000,
        ],
    )  # fmt: skip
    def test_nothing_outside_storage_is_served(self, cast: Cast, path: str) -> None:
        assert cast.client.get(f"/media/{path}").status_code == 404
