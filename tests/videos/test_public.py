import pytest

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


def test_links_repeat_what_belongs_to_the_list_once_and_nothing_else(cast: Cast) -> None:
    cast.video(cast.ana)
    query = f"?page_size={'0' * 50}2&city=a&token=x&{'a=b&' * 3000}city=Bogot%C3%A1%20D.C.&page=1"
    answer = cast.client.get(f"/api/public/videos{query}")
    page = "/api/public/videos?page_size=2&city=Bogot%C3%A1+D.C.&page=1"
    assert answer.headers["link"] == f'<{page}>; rel="first", <{page}>; rel="last"'


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
