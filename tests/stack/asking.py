"""What the tests of the stack ask of it."""

import time
from collections.abc import Callable

import httpx2

Headers = dict[str, str]


def upload(http: httpx2.Client, headers: Headers, data: bytes) -> httpx2.Response:
    return http.post("/api/videos/upload", headers=headers, data={"title": "Triple"}, files={"file": ("c.mp4", data)})


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)
