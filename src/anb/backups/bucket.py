"""Backups in a bucket, through the door that media go through: the same endpoint, encryption and credentials."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from typing import Any, BinaryIO, cast

from anb.backups.manifest import MANIFEST
from anb.storage.headers import PRIVATE, UNKNOWN_TYPE
from anb.storage.s3 import S3Storage, s3_as_storage_error


class Bucket(S3Storage):
    """Needs the same rights as media do, but those to delete."""

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}".rstrip("/")

    def name(self, key: str) -> str:
        """Names are our own here, and not only those of stored objects."""
        return self.prefix + key

    def headers(self, key: str) -> dict[str, str]:
        """Nobody's to keep: e-mail addresses, hashes of passwords, originals."""
        del key
        return {"ContentType": UNKNOWN_TYPE, "CacheControl": PRIVATE}

    def size(self, name: str) -> int | None:
        try:
            with s3_as_storage_error(name):
                return self.client.head_object(Bucket=self.bucket, Key=self.name(name))["ContentLength"]
        except FileNotFoundError:
            return None

    @contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        with s3_as_storage_error(name):
            found = self.client.get_object(Bucket=self.bucket, Key=self.name(name), ChecksumMode="ENABLED")
            with closing(found["Body"]) as body:
                yield cast("BinaryIO", body)

    def held(self) -> AbstractContextManager[None]:
        """Nothing to do: the bucket's life cycle ends the uploads of backups that were killed."""
        return nullcontext()

    def moments(self) -> list[str]:
        return sorted(moment for moment in self._folders() if self.size(f"{moment}/{MANIFEST}") is not None)

    def _folders(self) -> Iterator[str]:
        with s3_as_storage_error(self.bucket):
            pages: Any = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=self.prefix, Delimiter="/"):
                for found in page.get("CommonPrefixes", ()):
                    yield found["Prefix"].removeprefix(self.prefix).rstrip("/")
