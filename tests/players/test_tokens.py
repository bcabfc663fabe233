import base64
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import jwt
import pytest
from starlette.testclient import TestClient
from tests.cast import Cast, problem

from anb.players.tokens import Signer


def _unsigned(signer: Signer) -> str:
    def part(content: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()

    header, payload, _ = signer.player_token(uuid.uuid4()).split(".")
    claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
    kid = json.loads(base64.urlsafe_b64decode(header + "=="))["kid"]
    return f"{part({'alg': 'none', 'typ': 'JWT', 'kid': kid})}.{part(claims)}."


def _tampered(signer: Signer) -> str:
    header, _, signature = signer.player_token(uuid.uuid4()).split(".")
    _, payload, _ = signer.player_token(uuid.uuid4()).split(".")
    return f"{header}.{payload}.{signature}"


def _without_expiry(signer: Signer) -> str:
    return jwt.encode({"sub": str(uuid.uuid4()), "aud": "player"}, signer._key, headers={"kid": signer._key_id})


def _expired(signer: Signer) -> str:
    past = datetime.now(UTC) - timedelta(hours=2)
    claims = {"sub": str(uuid.uuid4()), "aud": "player", "iat": past, "exp": past + timedelta(hours=1)}
    return jwt.encode(claims, signer._key, headers={"kid": signer._key_id})


@pytest.mark.parametrize(
    "forge",
    [
        lambda _: "",
        lambda _: "nonsense",
        lambda _: "a.b.c",
        lambda _: "ñ",
        _unsigned,
        _tampered,
        _without_expiry,
        _expired,
        lambda _: Signer("another secret altogether", 3600).player_token(uuid.uuid4()),
        lambda signer: signer.link_token("uploads/x.mp4"),
    ],
)
def test_a_bad_token_is_401_with_one_text(client: TestClient, forge: Callable[[Signer], str]) -> None:
    token = forge(client.app.state.signer)  # type: ignore[attr-defined]
    answer = client.get("/api/videos", headers={b"Authorization": f"Bearer {token}".encode()})
    body = problem(answer, 401, "not_authenticated")
    assert answer.headers["www-authenticate"] == "Bearer"
    assert body["detail"] == problem(client.get("/api/videos"), 401, "not_authenticated")["detail"]


def test_a_good_token_names_its_player(cast: Cast) -> None:
    signer: Signer = cast.client.app.state.signer  # type: ignore[attr-defined]
    assert signer.player_of(cast.ana.token) == cast.ana.id
