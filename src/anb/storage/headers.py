"""What whoever fetches an object is told of it, from a folder as from S3. Pure."""

from pathlib import PurePath

from anb.storage.base import is_original

PRIVATE = "private, no-store"
UNCHANGING = "public, max-age=31536000, immutable"
"""A result's key holds its attempt, so what is under a key never changes. nginx and CloudFront say the same."""

UNKNOWN_TYPE = "application/octet-stream"
# Not `mimetypes`: what that knows depends on the machine, and it takes .ts for a program.
_MEDIA_TYPES = {
    "jpg": "image/jpeg",
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "3gp": "video/3gpp",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
    "ts": "video/mp2t",
    "mpg": "video/mpeg",
    "flv": "video/x-flv",
    "wmv": "video/x-ms-asf",
    "ogv": "video/ogg",
}


def cache_control(key: str) -> str:
    return PRIVATE if is_original(key) else UNCHANGING


def media_type(key: str) -> str:
    return _MEDIA_TYPES.get(PurePath(key).suffix.removeprefix("."), UNKNOWN_TYPE)
