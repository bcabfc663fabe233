"""A bucket of S3, or of a server that speaks like it.

Layout: `<prefix>/uploads/…` and `<prefix>/processed/…`, the same keys as in a folder. On its way in an object is a
multipart upload, which nobody sees before it is completed; one of less than a part is a single PUT.
Needs s3:PutObject, GetObject, DeleteObject, AbortMultipartUpload and ListMultipartUploadParts on the prefix, and
s3:ListBucket and ListBucketMultipartUploads on the bucket; with a KMS key also kms:GenerateDataKey and Decrypt.
Credentials come by boto3's own chain. Promises S3's durability and, since one key is written once, its consistency.
"""

import base64
import errno
import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from anb.storage.base import CHUNK, ORIGINALS, RESULTS, Link, Method, StoredObject, checked, is_key, pour
from anb.storage.headers import cache_control, media_type
from anb.storage.trouble import StorageError, as_storage_error

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

PART_BYTES = 8 * 1024 * 1024
"""S3 takes at most 10 000 parts, so at most 80 GiB an object; each running upload holds one part in memory."""
LINK_LIFE_S = 600
"""Temporary credentials are renewed when they have less than this to live: a link that lived longer would not."""
_NO_ROOM = {"QuotaExceeded", "InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded"}


class S3Storage:
    def __init__(self, url: str, *, endpoint: str = "", encryption: str = "AES256") -> None:
        """`url` is `s3://bucket/prefix`; `encryption` is `AES256`, `none`, or a KMS key."""
        bucket, _, prefix = url.removeprefix("s3://").partition("/")
        self.bucket = bucket
        self.prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self.encryption = _encryption(encryption)
        self.client: S3Client = boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint or None,
            config=Config(
                signature_version="s3v4",  # links would be signed in the old way, which KMS and newer regions refuse
                connect_timeout=3,
                read_timeout=20,
                retries={"mode": "standard", "total_max_attempts": 3},
                max_pool_connections=50,  # no fewer than the server has threads
                tcp_keepalive=True,
                # A server of one's own rarely has a name for each bucket.
                s3={"addressing_style": "path"} if endpoint else {},
            ),
        )

    def name(self, key: str) -> str:
        return self.prefix + checked(key)

    def headers(self, key: str) -> dict[str, str]:
        """What S3 tells whoever fetches it."""
        return {"ContentType": media_type(key), "CacheControl": cache_control(key)}

    def create(self, key: str) -> "S3Writer":
        return S3Writer(self, key)

    @as_storage_error(FileNotFoundError)
    def put_file(self, path: Path, key: str, alive: Callable[[], None] = lambda: None) -> None:
        pour(path, self.create(key), alive)

    @contextmanager
    def local(self, key: str, into: Path, alive: Callable[[], None] = lambda: None) -> Iterator[Path]:
        """Whole, though FFmpeg reads only the first 30 s: where a phone writes its index last, those cannot be found
        without the end, and the child that reads has no network."""
        path = into / f"{uuid.uuid4().hex}{PurePath(key).suffix}"
        try:
            self._fetch(key, path, alive)
            yield path
        finally:
            path.unlink(missing_ok=True)

    def _fetch(self, key: str, path: Path, alive: Callable[[], None]) -> None:
        with s3_as_storage_error(key):
            found = self.client.get_object(Bucket=self.bucket, Key=self.name(key), ChecksumMode="ENABLED")
            with closing(found["Body"]) as body, path.open("xb") as file:
                for chunk in body.iter_chunks(CHUNK):  # raises where it ends short of its length
                    file.write(chunk)
                    alive()

    def place(self, key: str, method: Method) -> Link:
        """Signed here, without a question to S3: one that is not there is S3's to answer."""
        with s3_as_storage_error(key):
            url = self.client.generate_presigned_url(
                "get_object" if method == "GET" else "head_object",
                Params={"Bucket": self.bucket, "Key": self.name(key)},
                ExpiresIn=LINK_LIFE_S,
            )
        return Link(url, LINK_LIFE_S // 2)

    def exists(self, key: str) -> bool:
        if not is_key(key):
            return False
        try:
            with s3_as_storage_error(key):
                self.client.head_object(Bucket=self.bucket, Key=self.name(key))
        except FileNotFoundError:
            self._require_bucket()
            return False
        return True

    def _require_bucket(self) -> None:
        """A HEAD answers 404 for a bucket that is not there as well: whoever believed it would take all for lost."""
        try:
            with s3_as_storage_error(self.bucket):
                self.client.head_bucket(Bucket=self.bucket)
        except FileNotFoundError:
            raise StorageError(errno.EIO, "S3: no such bucket", self.bucket) from None

    def delete(self, key: str) -> None:
        with s3_as_storage_error(key):
            self.client.delete_object(Bucket=self.bucket, Key=self.name(key))

    def objects(self, folder: str) -> Iterator[StoredObject]:
        with s3_as_storage_error(folder):
            pages = self.client.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self.bucket, Prefix=f"{self.prefix}{folder}/"):
                for found in page.get("Contents", ()):
                    key = found["Key"].removeprefix(self.prefix)
                    if is_key(key):
                        yield StoredObject(key, found["Size"], found["LastModified"])

    def now(self) -> datetime:
        with s3_as_storage_error(self.bucket):
            answered = self.client.head_bucket(Bucket=self.bucket)
        return parsedate_to_datetime(answered["ResponseMetadata"]["HTTPHeaders"]["date"])

    def remove_unfinished(self, before: datetime) -> int:
        with s3_as_storage_error(self.bucket):
            stale = [pair for pair in self._unfinished(before) if not self._wrote_since(before, *pair)]
            for name, upload_id in stale:
                self.drop_upload(name, upload_id)
        return len(stale)

    def _unfinished(self, before: datetime) -> Iterator[tuple[str, str]]:
        """Name and id of uploads that began before that time, of ours: the bucket may serve others as well."""
        pages = self.client.get_paginator("list_multipart_uploads")
        for folder in (ORIGINALS, RESULTS):
            for page in pages.paginate(Bucket=self.bucket, Prefix=f"{self.prefix}{folder}/"):
                for upload in page.get("Uploads", ()):
                    if upload["Initiated"] < before:
                        yield upload["Key"], upload["UploadId"]

    def _wrote_since(self, moment: datetime, name: str, upload_id: str) -> bool:
        """A large file on a slow link is older than the sweep's patience and still alive."""
        pages = self.client.get_paginator("list_parts").paginate(Bucket=self.bucket, Key=name, UploadId=upload_id)
        try:
            return any(part["LastModified"] >= moment for page in pages for part in page.get("Parts", ()))
        except self.client.exceptions.NoSuchUpload:  # it ended while we looked
            return False

    def drop_upload(self, name: str, upload_id: str) -> None:
        with suppress(self.client.exceptions.NoSuchUpload):
            self.client.abort_multipart_upload(Bucket=self.bucket, Key=name, UploadId=upload_id)

    def free_bytes(self) -> None:
        return None

    def check(self) -> None:
        """Begins an upload and drops it: needs the same rights and the same key as a real one, and leaves nothing."""
        name = f"{self.prefix}{ORIGINALS}/.check"
        with s3_as_storage_error(self.bucket):
            begun = self.client.create_multipart_upload(Bucket=self.bucket, Key=name, **self.encryption)
            self.drop_upload(name, begun["UploadId"])


class S3Writer:
    def __init__(self, storage: S3Storage, key: str) -> None:
        self._storage = storage
        self._client = storage.client
        self._target: dict[str, Any] = {"Bucket": storage.bucket, "Key": storage.name(key)}
        self._kept_with_it = storage.headers(key) | storage.encryption
        self._part: Any = bytearray()  # which boto3 takes, though its types do not say so
        self._upload_id = ""
        self._sent: list[CompletedPartTypeDef] = []
        self._may_exist = False

    def write(self, chunk: bytes) -> None:
        view = memoryview(chunk)
        while view:
            room = PART_BYTES - len(self._part)
            self._part += view[:room]
            view = view[room:]
            if len(self._part) == PART_BYTES:  # all but the last of the same size: some servers insist
                self._send_part()

    def commit(self) -> None:
        with self._trouble():
            if self._upload_id:
                if self._part:
                    self._send_part()
                self._complete()
            else:
                self._may_exist = True
                self._client.put_object(
                    **self._target, **self._kept_with_it, Body=self._part, ChecksumSHA256=_sha256(self._part)
                )

    def abort(self) -> None:
        self._part = bytearray()
        with suppress(OSError), self._trouble():
            try:
                if self._upload_id:
                    self._storage.drop_upload(self._target["Key"], self._upload_id)
            finally:
                if self._may_exist:
                    self._client.delete_object(**self._target)

    def _send_part(self) -> None:
        with self._trouble():
            if not self._upload_id:
                begun = self._client.create_multipart_upload(
                    **self._target, **self._kept_with_it, ChecksumAlgorithm="SHA256"
                )
                self._upload_id = begun["UploadId"]
            number, digest = len(self._sent) + 1, _sha256(self._part)
            sent = self._client.upload_part(
                **self._target, UploadId=self._upload_id, PartNumber=number, Body=self._part, ChecksumSHA256=digest
            )
        self._sent.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": digest})
        self._part = bytearray()

    def _complete(self) -> None:
        self._may_exist = True
        try:
            self._client.complete_multipart_upload(
                **self._target, UploadId=self._upload_id, MultipartUpload={"Parts": self._sent}
            )
        except self._client.exceptions.NoSuchUpload:
            # The answer to a first try was lost and boto3 tried again: then the object is there. Or it was swept.
            try:
                self._client.head_object(**self._target)
            except ClientError as error:
                raise StorageError(errno.EIO, "S3: its parts were swept", self._target["Key"]) from error

    def _trouble(self) -> Any:
        return s3_as_storage_error(self._target["Key"])


@contextmanager
def s3_as_storage_error(subject: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise _os_error(error, subject) from error
    except BotoCoreError as error:  # no network, no credentials, a body that broke off
        raise StorageError(errno.EIO, f"S3: {error}", subject) from error


def _os_error(error: ClientError, subject: str) -> OSError:
    code = error.response["Error"].get("Code", "")
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    if code in {"NoSuchKey", "404"}:  # a HEAD has no body to say more; a missing bucket is not a missing object
        return FileNotFoundError(errno.ENOENT, "S3: no such object", subject)
    if code in _NO_ROOM or status == 507:
        return StorageError(errno.ENOSPC, f"S3: {error}", subject)
    return StorageError(errno.EACCES if status == 403 else errno.EIO, f"S3: {error}", subject)


def _sha256(data: bytes | bytearray) -> str:
    """As S3 wants it; the server refuses a body that does not have it."""
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _encryption(wish: str) -> dict[str, Any]:
    if wish == "none":
        return {}
    if wish == "AES256":
        return {"ServerSideEncryption": "AES256"}
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": wish, "BucketKeyEnabled": True}
