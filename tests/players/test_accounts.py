from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal
from unicodedata import normalize

import pytest
from fastapi import FastAPI
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import select, update
from starlette.testclient import TestClient
from tests.cast import PASSWORD, Cast, problem, wish

from anb.db import Database
from anb.errors import TooManyError
from anb.players.models import Player


def test_a_player_signs_up_and_logs_in(client: TestClient) -> None:
    created = client.post("/api/auth/signup", json=wish(email=" Ana@Example.COM "))
    assert created.status_code == 201
    body = created.json()
    assert set(body) == {"id", "email", "first_name", "last_name", "city", "country"}
    assert (body["email"], body["city"]) == ("ana@example.com", "Bogotá")
    token = client.post("/api/auth/login", json={"email": "ANA@example.com", "password": PASSWORD})
    assert token.status_code == 200
    assert (token.json()["token_type"], token.json()["expires_in"]) == ("Bearer", 3600)
    headers = {"Authorization": f"Bearer {token.json()['access_token']}"}
    assert client.get("/api/videos", headers=headers).json() == []


def test_names_are_trimmed_and_kept_in_unicode(client: TestClient) -> None:
    body = client.post("/api/auth/signup", json=wish(first_name="  Ñandú 篮球 ", email="n@example.com")).json()
    assert body["first_name"] == "Ñandú 篮球"


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"email": "no-at-sign"}, "email", "bad_email"),
        ({"email": "a@b"}, "email", "bad_email"),
        ({"email": "a\x00@example.com"}, "email", "bad_email"),
        ({"email": "a" * 250 + "@example.com"}, "email", "too_long"),
        ({"first_name": ""}, "first_name", "empty"),
        ({"last_name": "   "}, "last_name", "empty"),
        ({"city": "x" * 101}, "city", "too_long"),
        ({"city": "\u0958" * 100}, "city", "too_long"),  # 200 characters once composed
        ({"country": "Co\x00lombia"}, "country", "bad_characters"),
        ({"city": "Bogo\u202eta"}, "city", "bad_characters"),
        ({"first_name": 7}, "first_name", "wrong_type"),
        ({"first_name": None}, "first_name", "wrong_type"),
        ({"password1": "corta", "password2": "corta"}, "password1", "password_too_short"),
        ({"password1": "x" * 257, "password2": "x" * 257}, "password1", "password_too_long"),
        ({"password1": "password123", "password2": "password123"}, "password1", "password_common"),
        ({"password1": "ana@example.com", "password2": "ana@example.com"}, "password1", "password_common"),
        ({"password2": "otra cosa distinta"}, "password2", "passwords_differ"),
    ],
)
def test_a_bad_field_is_named(client: TestClient, change: dict[str, Any], field: str, code: str) -> None:
    body = problem(client.post("/api/auth/signup", json=wish() | change), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in body["errors"]] == [(field, code)]


def test_every_missing_field_is_named(client: TestClient) -> None:
    body = problem(client.post("/api/auth/signup", json={}), 422, "invalid_fields")
    assert {error["field"] for error in body["errors"]} == set(wish())


@pytest.mark.parametrize(
    ("change", "faults"),
    [
        (
            {"first_name": " ", "email": "no-at-sign", "password1": "corta", "password2": "otra", "country": 7},
            ["first_name empty", "email bad_email", "password1 password_too_short", "country wrong_type",
             "password2 passwords_differ"],
        ),
        (
            {"password1": "ana@example.com", "city": ""},
            ["password1 password_common", "city empty", "password2 passwords_differ"],
        ),
        ({"password1": "corta", "password2": None}, ["password1 password_too_short", "password2 wrong_type"]),
        ({"password1": None, "email": ""}, ["email bad_email", "password1 wrong_type"]),
    ],
)  # fmt: skip
def test_all_that_is_wrong_is_told_at_once(client: TestClient, change: dict[str, Any], faults: list[str]) -> None:
    body = problem(client.post("/api/auth/signup", json=wish() | change), 422, "invalid_fields")
    assert [f"{error['field']} {error['code']}" for error in body["errors"]] == faults


def test_whether_an_email_is_taken_is_told_to_nobody_who_could_not_sign_up_with_it(client: TestClient) -> None:
    """For an answer that no rate limit counts, or one could ask for everybody."""
    client.post("/api/auth/signup", json=wish())
    wrong = {"password1": "corta", "password2": "corta"}
    taken, free = (client.post("/api/auth/signup", json=wish(name) | wrong) for name in ("Ana", "Beto"))
    assert problem(taken, 422, "invalid_fields")["errors"] == problem(free, 422, "invalid_fields")["errors"]


@pytest.mark.parametrize("content", [b'["ana@example.com"]', b"email=ana@example.com"])
def test_a_body_that_is_no_json_object_or_does_not_say_so_is_told_how_to_be_sent(
    client: TestClient, content: bytes
) -> None:
    told = {"Content-Type": "application/json" if content.startswith(b"[") else "application/x-www-form-urlencoded"}
    body = problem(client.post("/api/auth/login", content=content, headers=told), 422, "invalid_fields")
    assert [(error["field"], error["code"]) for error in body["errors"]] == [("body", "not_json_object")]
    assert "Content-Type: application/json" in body["detail"]


def test_passwords_that_differ_are_told_in_spanish_by_default(client: TestClient) -> None:
    answer = client.post("/api/auth/signup", json=wish(password2="otra cosa"), headers={"Accept-Language": ""})
    assert "Las contraseñas no coinciden" in answer.json()["detail"]
    assert answer.headers["content-language"] == "es"


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b'{"email": "\xff"}', 400, "malformed_request"),
        (b'"text"', 422, "invalid_fields"),
        (b'{"email": "\\ud800"}', 422, "invalid_fields"),
        (b"[" * 30_000, 400, "malformed_request"),
        (b'{"email": "' + b"x" * 70_000 + b'"}', 413, "body_too_large"),
    ],
)
def test_an_unreadable_body_is_refused(client: TestClient, content: bytes, status: int, code: str) -> None:
    answer = client.post("/api/auth/signup", content=content, headers={"Content-Type": "application/json"})
    problem(answer, status, code)


def test_a_taken_email_is_a_conflict_whatever_its_case(client: TestClient) -> None:
    assert client.post("/api/auth/signup", json=wish()).status_code == 201
    problem(client.post("/api/auth/signup", json=wish(email="ANA@example.com")), 409, "email_taken")


def test_of_twenty_equal_sign_ups_at_once_one_wins(client: TestClient) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: client.post("/api/auth/signup", json=wish()).status_code, range(20)))
    assert sorted(answers) == [201] + [409] * 19


@pytest.mark.parametrize("email", ["ana@example.com", "nobody@example.com", "not an address", "a\x00@example.com"])
def test_a_wrong_log_in_has_one_text(client: TestClient, email: str) -> None:
    client.post("/api/auth/signup", json=wish())
    answer = client.post(
        "/api/auth/login", json={"email": email, "password": "wrong password"}, headers={"Accept-Language": "es-CO"}
    )
    body = problem(answer, 401, "bad_credentials")
    assert "incorrectos" in body["detail"]
    assert answer.headers["www-authenticate"] == "Bearer"


def test_an_old_hash_is_renewed_at_log_in(client: TestClient, database: Database) -> None:
    client.post("/api/auth/signup", json=wish())
    weak = Argon2Hasher(memory_cost=8192, time_cost=1, parallelism=1).hash(PASSWORD)
    with database.write() as session:
        session.execute(update(Player).values(password_hash=weak))
    assert client.post("/api/auth/login", json={"email": "ana@example.com", "password": PASSWORD}).status_code == 200
    with database.read() as session:
        assert "m=19456,t=2,p=1" in session.query(Player).one().password_hash


def test_a_right_password_is_taken_also_where_its_old_hash_cannot_be_renewed_now(
    app: FastAPI, client: TestClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many log in at once, and the line is full."""
    client.post("/api/auth/signup", json=wish())
    weak = Argon2Hasher(memory_cost=8192, time_cost=1, parallelism=1).hash(PASSWORD)
    with database.write() as session:
        session.execute(update(Player).values(password_hash=weak))

    async def full(_password: str) -> str:
        raise TooManyError("busy")

    monkeypatch.setattr(app.state.hashing, "hash", full)
    assert client.post("/api/auth/login", json={"email": "ana@example.com", "password": PASSWORD}).status_code == 200
    with database.read() as session:
        assert session.query(Player).one().password_hash == weak


@pytest.mark.parametrize(("stored", "typed"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_password_is_the_same_however_its_accents_are_composed(
    client: TestClient, database: Database, stored: Literal["NFC", "NFD"], typed: Literal["NFC", "NFD"]
) -> None:
    """NFD in a row is of an account from before passwords were normalised."""
    password = "clavé-de-ñandú"
    client.post("/api/auth/signup", json=wish())
    with database.write() as session:
        session.execute(update(Player).values(password_hash=Argon2Hasher().hash(normalize(stored, password))))
    for form, status in ((normalize(typed, password), 200), ("clave-de-nandu", 401)):
        answer = client.post("/api/auth/login", json={"email": "ana@example.com", "password": form})
        assert answer.status_code == status


@pytest.mark.parametrize(("password", "code"), [("contraseña", "password_common"), ("ñáñé", "password_too_short")])
def test_what_is_judged_is_the_composed_form(client: TestClient, password: str, code: str) -> None:
    spelled = normalize("NFD", password)
    refused = problem(
        client.post("/api/auth/signup", json=wish(password1=spelled, password2=password)), 422, "invalid_fields"
    )
    assert [(fault["field"], fault["code"]) for fault in refused["errors"]] == [("password1", code)]


def test_a_sign_up_keeps_the_composed_form(client: TestClient, database: Database) -> None:
    spelled = normalize("NFD", "clavé-de-ñandú")
    assert client.post("/api/auth/signup", json=wish(password1=spelled, password2=spelled)).status_code == 201
    with database.read() as session:
        stored = session.scalars(select(Player.password_hash)).one()
    assert Argon2Hasher().verify(normalize("NFC", spelled), stored)


def test_every_write_of_a_vanished_account_is_401(cast: Cast) -> None:
    video = cast.video(cast.ana)
    ghost = cast.person("Ghost")
    with cast.database.write() as session:
        session.delete(session.get_one(Player, ghost.id))
    assert cast.client.get("/api/videos", headers=ghost.headers).json() == []
    problem(cast.vote(ghost, video), 401, "not_authenticated")
    problem(cast.upload(ghost), 401, "not_authenticated")
    problem(cast.client.delete(f"/api/videos/{video}", headers=ghost.headers), 401, "not_authenticated")
