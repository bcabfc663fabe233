"""The storages that the contract is held against, each with an eye that sees all that lies in it."""

import uuid
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from anb.storage.base import Storage
from anb.storage.fallback import FallbackStorage
from anb.storage.local import LocalStorage
from anb.storage.s3 import S3Storage
from anb.uploads.staging import Staging
from tests.storage.s3_server import S3Server


def made(root: Path) -> LocalStorage:
    """A new folder."""
    storage = LocalStorage(root)
    storage.make()
    return storage


def made_media(root: Path) -> None:
    """All that `anb migrate` makes there."""
    made(root)
    Staging(root / "incoming").make()


@dataclass(frozen=True)
class Store:
    storage: Storage
    everything: Callable[[], list[str]]
    """Objects and unfinished ones, seen past the storage's own methods."""
    break_it: Callable[[], None]
    """From here on it cannot be written."""
    copies: bool = False
    """Whether a finished file is copied into it, byte by byte."""


def folder(root: Path) -> Store:
    storage = made(root)

    def everything() -> list[str]:
        return [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]

    return Store(storage, everything, (root / "processed").rmdir)


def bucket(server: S3Server) -> Store:
    """A corner of its own in the server's bucket; a bucket and a client of its own would cost a second."""
    client, prefix = server.client(), f"cup-2026/{uuid.uuid4()}"
    storage = copy(_opened(server))
    storage.prefix = f"{prefix}/"

    def everything() -> list[str]:
        objects = client.list_objects_v2(Bucket=server.bucket, Prefix=prefix).get("Contents", ())
        uploads = client.list_multipart_uploads(Bucket=server.bucket, Prefix=prefix).get("Uploads", ())
        return [one["Key"] for one in objects] + [f"{one['Key']} {one['UploadId']}" for one in uploads]

    def break_it() -> None:
        storage.bucket = "no-such-bucket"

    return Store(storage, everything, break_it, copies=True)


@cache
def _opened(server: S3Server) -> S3Storage:
    return S3Storage(f"s3://{server.bucket}/cup-2026", endpoint=server.endpoint)


def two_folders(root: Path) -> Store:
    first, second = folder(root / "first"), folder(root / "second")
    storage = FallbackStorage(first.storage, second.storage)
    return Store(storage, lambda: first.everything() + second.everything(), first.break_it)
