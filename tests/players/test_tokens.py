import base64
import hmac
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import jwt
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient
from tests.cast import Cast, problem

from anb.api import create_app
from anb.errors import UnauthenticatedError
from anb.players.tokens import Signer
from anb.settings import Settings, SettingsError, load_settings


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


OLD, NEW = "the key of yesterday is long enough", "the key of today is long enough"


def test_a_key_is_changed_without_logging_anybody_out(settings: Settings) -> None:
    player, link = uuid.uuid4(), "uploads/x.mp4"
    steps = [(OLD, ""), (OLD, NEW), (NEW, OLD), (NEW, "")]
    signers: list[Signer] = [
        create_app(settings.model_copy(update={"secret_key": SecretStr(key), "other_secret_keys": SecretStr(other)}))
        .state.signer
        for key, other in steps
    ]  # fmt: skip
    for before, after in pairwise(signers):
        for signer, reader in ((before, after), (after, before)):  # hosts change one after the other
            assert reader.player_of(signer.player_token(player)) == player
            assert reader.allows(signer.link_token(link), link)
    assert not signers[3].allows(signers[0].link_token(link), link)
    with pytest.raises(UnauthenticatedError):
        signers[3].player_of(signers[1].player_token(player))


def test_a_server_that_signs_by_a_key_that_another_does_not_know_yet_logs_people_out_there() -> None:
    """Why there is a first step, also for a server and its successor that serve side by side for a moment."""
    token = Signer(NEW, 3600, (OLD,)).player_token(uuid.uuid4())
    with pytest.raises(UnauthenticatedError):
        Signer(OLD, 3600).player_of(token)


@pytest.mark.parametrize("key_id", [0, 1, "", "unknown", None, ["x"], {}])
def test_the_name_of_a_key_alone_opens_nothing(key_id: object) -> None:
    """Signed by a stranger, under the name of one of our keys or of none."""
    ours = Signer(NEW, 3600, (OLD,))
    names = list(ours._accepted)
    header = {"alg": "HS256", "kid": names[key_id] if isinstance(key_id, int) else key_id}
    now = int(datetime.now(UTC).timestamp())
    claims = {"sub": str(uuid.uuid4()), "aud": "player", "iat": now, "exp": now + 3600}
    signed = b".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims))
    signature = base64.urlsafe_b64encode(hmac.digest(b"a stranger's key", signed, "sha256")).rstrip(b"=")
    with pytest.raises(UnauthenticatedError):
        ours.player_of((signed + b"." + signature).decode())


def test_short_other_keys_are_refused() -> None:
    with pytest.raises(SettingsError, match="ANB_OTHER_SECRET_KEYS"):
        load_settings(other_secret_keys=f"{OLD},short")


@pytest.mark.parametrize("ahead", [timedelta(seconds=5), timedelta(minutes=59)])
def test_a_token_of_a_host_whose_clock_is_ahead_is_believed_at_once(ahead: timedelta) -> None:
    """Also by a host whose clock was set back since: who has logged in stays so."""
    signer, player_id = Signer(NEW, 3600), uuid.uuid4()
    moment = datetime.now(UTC) + ahead
    claims = {"sub": str(player_id), "aud": "player", "iat": moment, "exp": moment + timedelta(hours=1)}
    assert signer.player_of(jwt.encode(claims, signer._key, headers={"kid": signer._key_id})) == player_id
