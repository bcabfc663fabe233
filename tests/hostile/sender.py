"""Sends one file as a browser would, with whatever name, and waits for what becomes of it."""

import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx2

from tests.cast import wish
from tests.media.hostile import Hostile, Kit

PATIENCE_S = 600.0
BOUNDARY = b"----hostile"


@dataclass
class Outcome:
    hostile: Hostile
    end: Literal["refused", "failed", "completed", "stuck"]
    code: str
    seconds: float
    video_id: str = ""
    wrong: list[str] = field(default_factory=list)
    """Answers that nobody should get: 5xx, a reason without words."""


def form(filename: str, data: bytes) -> bytes:
    """By hand, because every well-kept client would clean the name."""
    name = filename.encode("utf-8", "surrogateescape")
    return b"".join((
        b"--", BOUNDARY, b'\r\nContent-Disposition: form-data; name="title"\r\n\r\nTriple\r\n',
        b"--", BOUNDARY, b'\r\nContent-Disposition: form-data; name="file"; filename="', name, b'"\r\n',
        b"Content-Type: video/mp4\r\n\r\n", data, b"\r\n--", BOUNDARY, b"--\r\n",
    ))  # fmt: skip


FORM_TYPE = f"multipart/form-data; boundary={BOUNDARY.decode()}"


class Sender:
    def __init__(self, url: str, kit: Kit, drawing: threading.Lock) -> None:
        self._client = httpx2.Client(base_url=url, timeout=120)
        self._kit = kit
        self._drawing = drawing
        account = wish("Ana", email=f"{uuid.uuid4().hex}@example.com")
        self._client.post("/api/auth/signup", json=account).raise_for_status()
        login = {"email": account["email"], "password": account["password1"]}
        token = self._client.post("/api/auth/login", json=login).raise_for_status().json()["access_token"]
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": FORM_TYPE}

    def send(self, hostile: Hostile) -> Outcome:
        with self._drawing:
            body = form(hostile.filename, hostile.make(self._kit))
        started = time.monotonic()
        answer = self._upload(body, "en")
        wrong = [f"upload answered {answer.status_code}"] if answer.status_code >= 500 else []
        if answer.status_code != 202:
            told = answer.json()
            in_spanish = self._upload(body, "es").json()
            wrong += _wordless(told.get("detail"), in_spanish.get("detail"))
            return Outcome(hostile, "refused", told.get("code", "?"), time.monotonic() - started, wrong=wrong)
        return self._wait(hostile, answer.json()["id"], started, wrong)

    def _upload(self, body: bytes, language: str) -> httpx2.Response:
        return self._client.post(
            "/api/videos/upload", headers=self._headers | {"Accept-Language": language}, content=body
        )

    def _wait(self, hostile: Hostile, video_id: str, started: float, wrong: list[str]) -> Outcome:
        while time.monotonic() - started < PATIENCE_S:
            video = self._look(video_id, "en")
            if video["status"] in ("completed", "failed"):
                break
            time.sleep(0.2)
        else:
            return Outcome(hostile, "stuck", video["status"], time.monotonic() - started, video_id, wrong)
        seconds = time.monotonic() - started
        if video["status"] == "completed":
            return Outcome(hostile, "completed", "", seconds, video_id, wrong)
        in_spanish = self._look(video_id, "es")
        wrong += _wordless(video["failure"]["detail"], in_spanish["failure"]["detail"])
        return Outcome(hostile, "failed", video["failure"]["code"], seconds, video_id, wrong)

    def _look(self, video_id: str, language: str) -> dict[str, Any]:
        headers = self._headers | {"Accept-Language": language}
        video: dict[str, Any] = self._client.get(f"/api/videos/{video_id}", headers=headers).raise_for_status().json()
        return video

    def close(self) -> None:
        self._client.close()


def _wordless(english: str | None, spanish: str | None) -> list[str]:
    said = bool(english) and bool(spanish) and english != spanish
    return [] if said else [f"reason without words: {english!r}, {spanish!r}"]
