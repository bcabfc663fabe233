"""The people of the tests, and what they do."""

import itertools
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from starlette.testclient import TestClient

from anb.db import Database
from anb.players.models import Player
from anb.text import place_key
from anb.videos.lifecycle import Status
from anb.videos.models import Video
from anb.voting.models import Vote

PASSWORD = "tres triples seguidos"
START = datetime(2026, 3, 1, 12, tzinfo=UTC)

# The first bytes of an MP4; enough where nothing is going to be processed.
MP4_HEAD = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom" + bytes(200)


@dataclass(frozen=True)
class Person:
    id: uuid.UUID
    email: str
    token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def wish(first_name: str = "Ana", **changes: Any) -> dict[str, Any]:
    return {
        "first_name": first_name,
        "last_name": "Gómez",
        "email": f"{first_name.lower()}@example.com",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "city": "Bogotá",
        "country": "Colombia",
    } | changes


class Cast:
    def __init__(self, client: TestClient, database: Database) -> None:
        self.client = client
        self.database = database
        self._clock = itertools.count()

    @property
    def ana(self) -> Person:
        return self.person("Ana")

    @property
    def beto(self) -> Person:
        return self.person("Beto")

    @property
    def carla(self) -> Person:
        return self.person("Carla")

    def person(self, first_name: str, city: str = "Bogotá", country: str = "Colombia") -> Person:
        """Signed up once, without the cost of argon2."""
        email = f"{first_name.lower()}@example.com"
        with self.database.write() as session:
            player = session.scalars(select(Player).where(Player.email == email)).one_or_none()
            if player is None:
                player = Player(
                    email=email, password_hash="!", first_name=first_name, last_name="Gómez", city=city,
                    country=country, city_key=place_key(city), country_key=place_key(country),
                    created_at=self._tick(),
                )  # fmt: skip
                session.add(player)
                session.flush()
            player_id = player.id
        return Person(player_id, email, self.client.app.state.signer.player_token(player_id))  # type: ignore[attr-defined]

    def video(
        self, owner: Person, title: str = "Mi mejor triple", status: Status = Status.COMPLETED, **more: Any
    ) -> uuid.UUID:
        """A row as processing leaves it, without its bytes."""
        moment = self._tick()
        video_id: uuid.UUID = more.pop("id", None) or uuid.uuid4()
        published = status == Status.COMPLETED
        with self.database.write() as session:
            session.add(
                Video(
                    id=video_id, player_id=owner.id, title=title, status=status, created_at=moment, rung_at=moment,
                    processed_at=moment if published else None, original_key=f"uploads/{video_id}.mp4",
                    original_bytes=1, original_sha256="0" * 64, request_id="request",
                    processed_key=f"processed/{video_id}.1.mp4" if published else None,
                    poster_key=f"processed/{video_id}.1.jpg" if published else None, **more,
                )
            )  # fmt: skip
            player = session.get_one(Player, owner.id)
            if published and player.first_published_at is None:
                player.first_published_at = moment
        return video_id

    def vote(self, voter: Person, video_id: uuid.UUID) -> Any:
        return self.client.post(f"/api/public/videos/{video_id}/vote", headers=voter.headers)

    def votes_in_rows(self) -> int:
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(Vote)) or 0

    def upload(self, owner: Person, data: bytes = MP4_HEAD, title: str = "Mi mejor triple", **more: Any) -> Any:
        headers = owner.headers | more.pop("headers", {})
        form = {"title": title} | more.pop("form", {})
        files = {more.pop("field", "file"): (more.pop("name", "clip.mp4"), data)}
        return self.client.post("/api/videos/upload", headers=headers, data=form, files=files)

    def _tick(self) -> datetime:
        return START + timedelta(seconds=next(self._clock))


def problem(response: Any, status: int, code: str) -> dict[str, Any]:
    """Every failure has the same shape; returns it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert body["code"] == code
    assert body["status"] == status
    assert isinstance(body["detail"], str)
    return body
