"""A client that says exactly what a test wants said."""

import base64
import hashlib
from typing import Any

from starlette.testclient import TestClient

from tests.cast import MP4_HEAD, Person

VIDEO = MP4_HEAD + bytes(range(256)) * 40
STREAM = "application/offset+octet-stream"


def metadata(**fields: str | bytes) -> str:
    """As clients write it."""
    pairs = {name: value.encode() if isinstance(value, str) else value for name, value in fields.items()}
    return ",".join(f"{name} {base64.b64encode(value).decode()}" for name, value in pairs.items())


class Tus:
    """Speaks tus for one person."""

    def __init__(self, client: TestClient, person: Person) -> None:
        self.client = client
        self.headers = {**person.headers, "Tus-Resumable": "1.0.0"}

    def ask(self, method: str, url: str, content: bytes | None = None, **headers: str | None) -> Any:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in (self.headers | named).items() if value is not None}
        return self.client.request(method, url, headers=kept, content=content)

    def begin(self, length: int | str | None = len(VIDEO), content: bytes | None = None, **headers: Any) -> Any:
        wish: dict[str, str | None] = {"Upload_Metadata": metadata(title="Mi mejor triple", filename="clip.mp4")}
        wish["Upload_Length"] = None if length is None else str(length)
        if content is not None:
            wish["Content_Type"] = STREAM
        return self.ask("POST", "/api/uploads", content, **(wish | headers))

    def url(self, length: int = len(VIDEO)) -> str:
        answer = self.begin(length)
        assert answer.status_code == 201, answer.text
        location: str = answer.headers["Location"]
        return location

    def append(self, url: str, offset: int | str, data: bytes, **headers: str | None) -> Any:
        return self.ask("PATCH", url, data, **({"Upload_Offset": str(offset), "Content_Type": STREAM} | headers))

    def offset(self, url: str) -> int:
        answer = self.ask("HEAD", url)
        assert answer.status_code == 200
        return int(answer.headers["Upload-Offset"])


def checksum(data: bytes, algorithm: str = "sha1") -> str:
    return f"{algorithm} {base64.b64encode(hashlib.new(algorithm, data).digest()).decode()}"


def upload_id(url: str) -> str:
    return url.rpartition("/")[2]
