"""What a tus client says in its headers (tus 1.0.0). Pure; sections are named as in the specification."""

import base64
import binascii
import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import formatdate
from typing import TYPE_CHECKING

from anb.errors import FieldError, InvalidError, MalformedError
from anb.storage.base import ID
from anb.videos import upload_policy

if TYPE_CHECKING:
    from hashlib import _Hash

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,termination,expiration,checksum"
OF_OTHER_EXTENSIONS = ("Upload-Defer-Length", "Upload-Concat")
BODY_TYPE = "application/offset+octet-stream"

_DIGITS = re.compile(r"[0-9]{1,15}")
_ID = re.compile(ID)
_METADATA_KEY = re.compile(r"[!-+\--~]+")  # printable ASCII without space and comma
_METADATA_MAX = 30 * 1024
"""It is kept and sent back with each HEAD. The longest title and description, of four bytes a character, are 27 KiB in
base64, and clients add the file's name and type. nginx takes a line of 32 KiB (`large_client_header_buffers`).
"""


def parse_id(text: str) -> uuid.UUID | None:
    """Only ids as they are handed out: nothing else becomes a file's name."""
    return uuid.UUID(text) if _ID.fullmatch(text) else None


def parse_count(name: str, text: str | None) -> int:
    """Core Protocol, Headers: `Upload-Offset` and `Upload-Length` are non-negative integers."""
    if text is None or not _DIGITS.fullmatch(text):
        raise bad_header(name)
    return int(text)


def parse_metadata(text: str | None) -> dict[str, bytes]:
    """Creation, Headers, Upload-Metadata: `key base64,key base64,key`; keys are unique, a value may be missing."""
    found: dict[str, bytes] = {}
    if not text:
        return found
    if len(text) > _METADATA_MAX:
        raise bad_header("Upload-Metadata")
    for pair in text.split(","):
        key, _, value = pair.strip().partition(" ")
        if not _METADATA_KEY.fullmatch(key) or key in found:
            raise bad_header("Upload-Metadata")
        found[key] = _decoded("Upload-Metadata", value.strip())
    return found


@dataclass(frozen=True)
class Description:
    title: str
    description: str


def described(metadata: Mapping[str, bytes]) -> Description:
    """The same fields under the same rules as in a form. `filename` and `filetype` are told but believed by nobody."""
    if "title" not in metadata:
        raise InvalidError("invalid_fields", errors=(FieldError("title", "missing"),))
    return Description(
        upload_policy.checked_text("title", metadata["title"]),
        upload_policy.checked_text("description", metadata.get("description", b"")),
    )


_ALGORITHMS = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}
ALGORITHMS = ",".join(_ALGORITHMS)


@dataclass(frozen=True)
class Checksum:
    algorithm: str
    digest: bytes

    def start(self) -> "_Hash":
        return _ALGORITHMS[self.algorithm](usedforsecurity=False)


def parse_checksum(text: str | None) -> Checksum | None:
    """Checksum, Headers, Upload-Checksum: an algorithm and the base64 of the digest of this request's body."""
    if text is None:
        return None
    algorithm, _, value = text.partition(" ")
    if algorithm not in _ALGORITHMS or not value:
        raise bad_header("Upload-Checksum")
    return Checksum(algorithm, _decoded("Upload-Checksum", value))


def expires(moment: datetime) -> str:
    """Expiration, Headers, Upload-Expires: a date of RFC 9110, 5.6.7."""
    return formatdate(moment.timestamp(), usegmt=True)


def is_body_type(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == BODY_TYPE


def bad_header(name: str) -> MalformedError:
    return MalformedError("bad_header", header=name)


def _decoded(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise bad_header(name) from None
