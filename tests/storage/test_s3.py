"""What only S3 has: signed links, encryption, trouble with the network."""

import errno
import http.client
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from anb.storage.base import ORIGINALS, RESULTS, Method
from anb.storage.s3 import PART_BYTES, S3Storage, s3_as_storage_error
from anb.storage.trouble import StorageError
from tests.server import free_port
from tests.storage import stores
from tests.storage.s3_server import S3Server

RESULT = f"{RESULTS}/{uuid.UUID(int=7)}.1.mp4"
ORIGINAL = f"{ORIGINALS}/{uuid.UUID(int=7)}.mp4"


@pytest.fixture
def storage(s3_server: S3Server) -> S3Storage:
    storage = stores.bucket(s3_server).storage
    assert isinstance(storage, S3Storage)
    return storage


def put(storage: S3Storage, key: str, data: bytes) -> None:
    writer = storage.create(key)
    writer.write(data)
    writer.commit()


def fetch(url: str, method: Method = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    connection.request(method, f"{parts.path}?{parts.query}", headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


def test_a_link_needs_no_other_right_and_takes_ranges(storage: S3Storage) -> None:
    put(storage, RESULT, b"0123456789")
    link = storage.place(RESULT, "GET")
    status, headers, body = fetch(link.url, Range="bytes=2-4")
    assert (status, body, headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert headers["content-type"] == "video/mp4"
    assert headers["cache-control"] == "public, max-age=31536000, immutable"
    status, headers, _ = fetch(storage.place(RESULT, "HEAD").url, "HEAD")
    assert (status, headers["content-length"]) == (200, "10")


def test_a_link_opens_nothing_else(storage: S3Storage) -> None:
    put(storage, RESULT, b"public")
    put(storage, ORIGINAL, b"private")
    url = storage.place(RESULT, "GET").url
    other = url.replace(RESULT, ORIGINAL)
    assert other != url
    unsigned = url.partition("?")[0]
    assert [fetch(address)[0] for address in (other, url + "0", unsigned)] == [403, 403, 403]
    assert fetch(storage.place(ORIGINAL, "GET").url)[1]["cache-control"] == "private, no-store"


@pytest.mark.parametrize("size", [10, PART_BYTES + 10])
@pytest.mark.parametrize(("wish", "seen"), [("AES256", "AES256"), ("none", None)])
def test_what_is_stored_is_encrypted_unless_told_otherwise(
    s3_server: S3Server, size: int, wish: str, seen: str | None
) -> None:
    storage = S3Storage(f"s3://{s3_server.bucket}/{uuid.uuid4()}", endpoint=s3_server.endpoint, encryption=wish)
    put(storage, RESULT, bytes(size))
    found = s3_server.client().head_object(Bucket=storage.bucket, Key=storage.name(RESULT), ChecksumMode="ENABLED")
    assert found.get("ServerSideEncryption") == seen
    assert found["ChecksumSHA256"]


def test_uploads_of_others_in_the_bucket_are_not_swept(s3_server: S3Server, storage: S3Storage) -> None:
    name = f"{storage.prefix}backups/{uuid.uuid4()}"
    begun = s3_server.client().create_multipart_upload(Bucket=storage.bucket, Key=name)
    assert storage.remove_unfinished(datetime.now(UTC) + timedelta(seconds=5)) == 0
    s3_server.client().abort_multipart_upload(Bucket=storage.bucket, Key=name, UploadId=begun["UploadId"])


def test_a_kms_key_is_named_to_s3(s3_server: S3Server) -> None:
    storage = S3Storage("s3://contest", endpoint=s3_server.endpoint, encryption="alias/anb")
    assert storage.encryption == {
        "ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/anb", "BucketKeyEnabled": True,
    }  # fmt: skip
    assert storage.name(RESULT) == RESULT


def test_the_answer_to_a_commit_that_was_lost_is_no_failure(
    storage: S3Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 repeats the request, and hears that there is no such upload any more."""
    complete = storage.client.complete_multipart_upload

    def twice(**request: object) -> object:
        complete(**request)  # type: ignore[arg-type]
        return complete(**request)  # type: ignore[arg-type]

    writer = storage.create(ORIGINAL)
    writer.write(bytes(PART_BYTES + 1))
    monkeypatch.setattr(storage.client, "complete_multipart_upload", twice)
    writer.commit()
    assert storage.exists(ORIGINAL)


@pytest.mark.parametrize(
    ("code", "status", "number"),
    [
        ("NoSuchKey", 404, errno.ENOENT),
        ("404", 404, errno.ENOENT),
        ("NoSuchBucket", 404, errno.EIO),
        ("NoSuchUpload", 404, errno.EIO),
        ("AccessDenied", 403, errno.EACCES),
        ("QuotaExceeded", 403, errno.ENOSPC),
        ("Whatever", 507, errno.ENOSPC),
        ("SlowDown", 503, errno.EIO),
        ("InternalError", 500, errno.EIO),
    ],
)
def test_all_trouble_is_the_storages_and_says_which(code: str, status: int, number: int) -> None:
    answer = {"Error": {"Code": code, "Message": "…"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    with pytest.raises(OSError) as raised, s3_as_storage_error("key"):
        raise ClientError(answer, "PutObject")  # type: ignore[arg-type]
    assert raised.value.errno == number
    assert type(raised.value) is (FileNotFoundError if number == errno.ENOENT else StorageError)


def test_a_server_that_is_away_is_trouble_everywhere(s3_server: S3Server, tmp_path: Path) -> None:
    storage = S3Storage("s3://contest", endpoint=f"http://127.0.0.1:{free_port()}")
    source = tmp_path / "f.mp4"
    source.write_bytes(b"x")
    for attempt in (
        lambda: storage.exists(RESULT), lambda: storage.delete(RESULT), storage.check,
        lambda: list(storage.objects(RESULTS)), lambda: storage.put_file(source, RESULT),
        lambda: storage.local(RESULT, tmp_path).__enter__(),
    ):  # fmt: skip
        with pytest.raises(StorageError) as raised:
            attempt()
        assert raised.value.errno == errno.EIO


def test_wrong_rights_are_refused_by_the_server(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the secret")
    with pytest.raises(StorageError, match="S3") as raised:
        S3Storage(f"s3://{s3_server.bucket}", endpoint=s3_server.endpoint).check()
    assert raised.value.errno == errno.EACCES


def test_a_download_that_breaks_off_is_trouble_and_leaves_nothing(s3_server: S3Server, tmp_path: Path) -> None:
    with _breaking_off() as port:
        storage = S3Storage("s3://contest", endpoint=f"http://127.0.0.1:{port}")
        with pytest.raises(StorageError) as raised, storage.local(RESULT, tmp_path):
            pass
    assert raised.value.errno == errno.EIO
    assert list(tmp_path.iterdir()) == []


@contextmanager
def _breaking_off() -> Iterator[int]:
    """Promises a thousand bytes, sends ten, and hangs up."""

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nETag: "x"\r\n\r\n0123456789')

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


class StopError(Exception):
    pass


def test_a_download_shows_signs_of_life_and_can_be_stopped(storage: S3Storage, tmp_path: Path) -> None:
    """The worker's heartbeat hangs on it: a lease must not run out under a large original, and a stop must be heard."""
    put(storage, ORIGINAL, bytes(3 * 1024 * 1024))
    signs = []
    with storage.local(ORIGINAL, tmp_path, lambda: signs.append(1)):
        assert len(signs) >= 3

    def stop() -> None:
        raise StopError

    with pytest.raises(StopError), storage.local(ORIGINAL, tmp_path, stop):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_bucket_that_is_not_there_is_trouble_and_not_an_empty_one(s3_server: S3Server) -> None:
    storage = S3Storage("s3://nobody-made-this", endpoint=s3_server.endpoint)
    with pytest.raises(StorageError):
        storage.exists(RESULT)
