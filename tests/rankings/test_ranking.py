import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from tests.cast import Cast, problem

from anb.players.repository import PlaceFilter
from anb.rankings import repository
from anb.rankings.table import Standing, rank
from anb.videos.lifecycle import Status


def standing(votes: int, minute: int, number: int) -> Standing:
    moment = datetime(2026, 3, 1, 12, minute, tzinfo=UTC)
    return Standing(uuid.UUID(int=number), f"P{number}", "Cali", "Colombia", votes, moment, uuid.UUID(int=0), "t")


@pytest.mark.parametrize(
    ("standings", "leaders"),
    [
        ([standing(1, 0, 1), standing(2, 0, 2)], [2, 1]),
        ([standing(1, 5, 1), standing(1, 4, 2)], [2, 1]),
        ([standing(1, 5, 2), standing(1, 5, 1)], [1, 2]),
        ([], []),
    ],
)
def test_more_votes_lead_then_who_published_first_then_the_id(standings: list[Standing], leaders: list[int]) -> None:
    assert [row.player_id.int for _, row in rank(standings, 0)] == leaders


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=12), st.integers(0, 50))
def test_positions_run_without_ties_or_gaps(pairs: list[tuple[int, int]], offset: int) -> None:
    standings = [standing(votes, minute, number) for number, (votes, minute) in enumerate(pairs)]
    assert [position for position, _ in rank(standings, offset)] == list(range(offset + 1, offset + len(pairs) + 1))
    assert rank(standings, offset) == rank(standings[::-1], offset)


def test_a_player_has_one_row_with_all_votes_and_the_most_voted_video(cast: Cast) -> None:
    less, more = cast.video(cast.ana, "Bandeja"), cast.video(cast.ana, "Triple")
    cast.video(cast.beto, "Asistencia")
    cast.video(cast.carla, status=Status.PENDING)
    for voter, video in ((cast.beto, more), (cast.carla, more), (cast.beto, less)):
        assert cast.vote(voter, video).status_code == 201
    body = cast.client.get("/api/public/rankings").json()
    assert (body["total"], body["page"], body["page_size"], body["total_pages"]) == (2, 1, 20, 1)
    first, second = body["rankings"]
    assert (first["position"], first["votes"], first["video_id"], first["title"]) == (1, 3, str(more), "Triple")
    assert (first["username"], first["artist_name"], first["vote_count"]) == ("Ana Gómez", "Ana Gómez", 3)
    assert (second["position"], second["player_name"], second["votes"]) == (2, "Beto Gómez", 0)


def test_pages_of_the_ranking_are_stable_and_never_overlap(cast: Cast) -> None:
    for number in range(7):
        cast.video(cast.person(f"P{number}"))
    pages = [cast.client.get(f"/api/public/rankings?page={page}&page_size=3").json() for page in (1, 2, 3, 4)]
    assert [row["player_name"] for page in pages for row in page["rankings"]] == [f"P{n} Gómez" for n in range(7)]
    assert [row["position"] for page in pages for row in page["rankings"]] == list(range(1, 8))
    assert pages[3]["rankings"] == []
    assert pages[0]["total_pages"] == 3


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("city=bogota", ["Ana"]), ("city=BOGOT%C3%81", ["Ana"]), ("city=Cali", ["Luis"]), ("city=Quito", ["Rosa"]),
        ("country=colombia", ["Ana", "Luis"]), ("country=Colombia&city=cali", ["Luis"]),
        ("city=", ["Ana", "Luis", "Rosa"]),
        ("country=Ecuador&city=cali", []), ("city=%25", []),
    ],
)  # fmt: skip
def test_places_filter_without_case_and_accents(cast: Cast, query: str, names: list[str]) -> None:
    cast.video(cast.person("Ana", "Bogotá"))
    cast.video(cast.person("Luis", "Cali"))
    cast.video(cast.person("Rosa", "Quito", "Ecuador"))
    body = cast.client.get(f"/api/public/rankings?{query}").json()
    assert [row["player_name"].split()[0] for row in body["rankings"]] == names
    assert body["total"] == len(names)
    listed = cast.client.get(f"/api/public/videos?order=asc&{query}")
    assert [row["player_name"].split()[0] for row in listed.json()] == names
    assert listed.headers["x-total-count"] == str(len(names))


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ("page=0", "page", "out_of_range"), ("page=x", "page", "wrong_type"),
        ("page_size=101", "page_size", "out_of_range"),
        ("page=99999999999999999999", "page", "out_of_range"), ("city=%00", "city", "bad_characters"),
        ("city=" + "x" * 101, "city", "too_long"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["rankings", "videos"])
def test_a_bad_query_is_named(cast: Cast, path: str, query: str, field: str, code: str) -> None:
    body = problem(cast.client.get(f"/api/public/{path}?{query}"), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in body["errors"]] == [(field, code)]


@pytest.mark.parametrize(("query", "nearest"), [("page=0", "1"), ("page=200000", "100000"), ("page_size=101", "100")])
def test_who_asks_beyond_a_bound_is_told_it(cast: Cast, query: str, nearest: str) -> None:
    body = problem(cast.client.get(f"/api/public/rankings?{query}"), 422, "invalid_fields")
    assert body["errors"][0]["detail"].endswith(f" is {nearest}.")


def test_a_player_whose_only_published_video_is_deleted_leaves_the_ranking(cast: Cast) -> None:
    first, second = cast.video(cast.ana), cast.video(cast.ana)
    for video, left in ((first, 1), (second, 0)):
        assert cast.client.delete(f"/api/videos/{video}", headers=cast.ana.headers).status_code == 204
        assert cast.client.get("/api/public/rankings").json()["total"] == left


def test_a_page_that_is_read_while_a_players_only_video_is_deleted_is_shown_without_them(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = cast.video(cast.ana)
    cast.video(cast.beto)
    look_up = repository._most_voted

    def deleted_meanwhile(session: Session, player_ids: Sequence[uuid.UUID]) -> Any:
        assert cast.client.delete(f"/api/videos/{gone}", headers=cast.ana.headers).status_code == 204
        return look_up(session, player_ids)

    with monkeypatch.context() as patch, cast.database.read() as session:
        patch.setattr(repository, "_most_voted", deleted_meanwhile)
        standings = repository.page(session, PlaceFilter(), limit=20, offset=0)
    assert [standing.player_id for standing in standings] == [cast.beto.id]
