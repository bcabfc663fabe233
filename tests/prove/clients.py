"""People with stubborn phones: each does one thing, and asks again until it is answered."""

import base64
import hashlib
import random
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from tests.cast import PASSWORD, wish
from tests.prove.journal import Journal

_PASSING = {423, 429, 502, 503, 504}
_TUS = {"Tus-Resumable": "1.0.0"}


class StoppedError(Exception):
    """The show is over, and the last question stays without an answer."""


@dataclass(frozen=True)
class Answer:
    response: httpx2.Response
    asked_before: bool
    """An earlier question may have been heard, though its answer was lost."""


class Person:
    """Signed up and logged in, however long it takes. `address` is the loopback address that the server sees."""

    def __init__(self, url: str, journal: Journal, over: threading.Event, source: random.Random, address: str) -> None:
        self.journal = journal
        self.over = over
        self.source = source
        self.headers: dict[str, str] = {}
        self.id = ""
        from_there = httpx2.HTTPTransport(local_address=address)
        self._http = httpx2.Client(base_url=url, timeout=20, trust_env=False, transport=from_there)
        self._introduce_myself()

    def close(self) -> None:
        self._http.close()

    def _introduce_myself(self) -> None:
        account = wish("Ana", email=f"{uuid.UUID(int=self.source.getrandbits(128)).hex}@example.com")
        answer = self.ask("POST", "/api/auth/signup", {201, 409}, json=account)
        if answer.response.status_code == 409 and not answer.asked_before:
            self.journal.surprise(f"{account['email']} is taken at its first sign-up")
        login = {"email": account["email"], "password": PASSWORD}
        token = self.ask("POST", "/api/auth/login", {200}, json=login).response.json()["access_token"]
        self.headers = {"Authorization": f"Bearer {token}"}
        if answer.response.status_code == 201:
            self.id = answer.response.json()["id"]
            self.journal.accounts[account["email"]] = self.id

    def ask(
        self, method: str, path: str, expected: set[int], *, headers: dict[str, str] | None = None, **more: Any
    ) -> Answer:
        """Until one of the expected answers comes. Others than those of a system that recovers are surprises."""
        asked_before = False
        while True:
            asked_at = time.monotonic()
            try:
                response = self._http.request(method, path, headers=self.headers | (headers or {}), **more)
            except httpx2.TransportError as error:
                self.journal.count(type(error).__name__, time.monotonic() - asked_at)
                self.journal.fail(f"{method} {path}", repr(error))
                asked_before = True
            else:
                self.journal.count(str(response.status_code), time.monotonic() - asked_at)
                if response.status_code in expected:
                    return Answer(response, asked_before)
                came = f"{response.status_code} {response.text[:300]}"
                self.journal.fail(f"{method} {path}", came)
                if response.status_code not in _PASSING:
                    self.journal.surprise(f"{method} {path}: {came}")
                asked_before |= response.status_code != 429
            if self.over.is_set():
                raise StoppedError
            time.sleep(self.source.uniform(0.1, 0.6))


class Uploader(Person):
    def upload(self, data: bytes) -> str:
        """One shot, with a key that makes asking again harmless."""
        key = f"{self.source.getrandbits(64):x}"
        video_id: str = self.ask(
            "POST", "/api/videos/upload", {202}, headers={"Idempotency-Key": key},
            data={"title": "Triple"}, files={"file": ("clip.mp4", data)},
        ).response.json()["id"]  # fmt: skip
        self._note(video_id, data, "one shot")
        return video_id

    def upload_in_pieces(self, data: bytes) -> str:
        """tus 1.0.0, as a phone does it: after each trouble ask for the offset and go on from there."""
        title = base64.b64encode(b"Triple").decode()
        creation = {**_TUS, "Upload-Length": str(len(data)), "Upload-Metadata": f"title {title}"}
        place = self.ask("POST", "/api/uploads", {201}, headers=creation).response.headers["location"]
        while (offset := self._offset(place)) < len(data):
            piece = data[offset : offset + 48 * 1024]
            headers = {**_TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
            # 409: the bytes of a question whose answer was lost are there; 423: the one before still holds it.
            self.ask("PATCH", place, {204, 409, 423}, headers=headers, content=piece)
        video_id: str | None = None
        while video_id is None:
            video_id = self.ask("GET", place, {200}).response.json()["video_id"]
        self._note(video_id, data, "in pieces")
        return video_id

    def _offset(self, place: str) -> int:
        return int(self.ask("HEAD", place, {200}, headers=_TUS).response.headers["upload-offset"])

    def _note(self, video_id: str, data: bytes, way: str) -> None:
        if video_id in self.journal.uploads:
            self.journal.surprise(f"two uploads were given the same video {video_id}")
        self.journal.uploads[video_id] = hashlib.sha256(data).hexdigest()
        self.journal.ways[way] += 1

    def wait_a_little_for(self, video_id: str, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.over.is_set():
            video = self.ask("GET", f"/api/videos/{video_id}", {200}).response.json()
            if video["status"] in {"completed", "failed"}:
                return
            time.sleep(0.3)

    def delete(self, video_id: str) -> None:
        self.journal.perhaps_deleted.add(video_id)
        answer = self.ask("DELETE", f"/api/videos/{video_id}", {204, 404, 409})
        if answer.response.status_code == 409:  # somebody has voted for it
            self.journal.perhaps_deleted.discard(video_id)
        elif answer.response.status_code == 204 or answer.asked_before:
            self.journal.deleted.add(video_id)
        else:
            self.journal.surprise(f"{video_id} was gone before it was deleted")


def uploading(person: Uploader, clips: Sequence[bytes], way: Callable[[Uploader, bytes], str]) -> None:
    while not person.over.is_set():
        # A free atom at the end makes every file its own.
        data = person.source.choice(clips) + b"\x00\x00\x00\x18free" + person.source.randbytes(16)
        person.journal.sent.add(hashlib.sha256(data).hexdigest())
        video_id = way(person, data)
        if person.source.random() < 0.2:
            time.sleep(person.source.uniform(0, 2))
            person.delete(video_id)
        else:
            person.wait_a_little_for(video_id, 15)


def voting(person: Person) -> None:
    """Three votes, each for a published video; then somebody else's turn."""
    for _ in range(3):
        videos = person.ask("GET", "/api/public/videos?page_size=100", {200}).response.json()
        if not videos or not person.id:
            time.sleep(1)
            continue
        vote = (person.id, person.source.choice(videos)["video_id"])
        if vote in person.journal.votes:
            continue
        person.journal.perhaps_votes.add(vote)
        answer = person.ask("POST", f"/api/public/videos/{vote[1]}/vote", {201, 404, 409})
        if answer.response.status_code == 201 or (answer.response.status_code == 409 and answer.asked_before):
            person.journal.votes.add(vote)
        elif answer.response.status_code == 409:
            person.journal.surprise(f"{vote} counted before it was cast")
        else:  # nobody may vote for it, and had the first question been heard, nobody could have deleted it
            person.journal.perhaps_votes.discard(vote)
        time.sleep(person.source.uniform(0, 0.3))


def reading(person: Person) -> None:
    while not person.over.is_set():
        person.ask("GET", "/api/public/rankings", {200})
        videos = person.ask("GET", "/api/public/videos", {200}).response.json()
        person.ask("GET", "/api/videos/", {200})
        if videos:
            video = person.source.choice(videos)
            span = {"Range": "bytes=0-99"}
            person.ask("GET", video["processed_url"], {206, 404}, headers=span)  # 404: deleted a moment ago
        time.sleep(person.source.uniform(0.1, 0.5))
