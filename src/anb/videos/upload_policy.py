"""What may be uploaded. Pure."""

from dataclasses import dataclass

from anb.errors import FieldError, InvalidError, TooManyError
from anb.text import has_bad_characters, is_visible, tidy

MIB = 1024 * 1024
TITLE_MAX = 200
DESCRIPTION_MAX = 5000
FORM_OVERHEAD = 64 * 1024
"""Bytes beside the file that a form may have: title, description, boundaries, headers."""
LONGEST_SILENCE_S = 60.0
"""A phone may lose its link for a while; a body that is silent for longer will not go on on this connection."""


def megabytes(size: int) -> str:
    """As people are told a limit: 100, or 1.9."""
    return f"{size / MIB:.1f}".removesuffix(".0")


def declared_too_large(content_length: int | None, max_upload_bytes: int) -> bool:
    return content_length is not None and content_length > max_upload_bytes + FORM_OVERHEAD


def has_room(free_bytes: int | None, reserve_bytes: int, content_length: int | None) -> bool:
    """`free_bytes` is None where storage has no end."""
    return free_bytes is None or free_bytes - (content_length or 0) >= reserve_bytes


@dataclass(frozen=True)
class Quota:
    unfinished: int
    """Videos that wait or are processed."""
    bytes_a_day: int


@dataclass(frozen=True)
class Used:
    """What a player has of it already, resumable uploads under way among it; bytes are those of the last 24 hours."""

    unfinished: int
    bytes_a_day: int
    oldest_leaves_in_s: int
    """When the oldest of those bytes are a day old."""


def quota_error(quota: Quota, used: Used, more_bytes: int) -> TooManyError | None:
    """Of one more video with so many bytes; 0 where they are not known yet."""
    if used.unfinished >= quota.unfinished:
        return TooManyError("too_many_unfinished", limit=quota.unfinished, seconds=60)
    if used.bytes_a_day and used.bytes_a_day + max(1, more_bytes) > quota.bytes_a_day:
        return _too_many_bytes(quota, used)
    return None


def discard_error(quota: Quota, used: Used) -> TooManyError | None:
    """Of one more piece that may have to be thrown away. What was begun is within the quota, so that only what was
    thrown away already can be beyond it."""
    return _too_many_bytes(quota, used) if used.bytes_a_day > quota.bytes_a_day else None


def _too_many_bytes(quota: Quota, used: Used) -> TooManyError:
    return TooManyError("too_many_bytes", max_mb=megabytes(quota.bytes_a_day), seconds=used.oldest_leaves_in_s)


def title_error(title: str) -> FieldError | None:
    if not is_visible(title):
        return FieldError("title", "empty")
    if len(title) > TITLE_MAX:
        return FieldError("title", "too_long", (("max_length", TITLE_MAX),))
    if has_bad_characters(title):
        return FieldError("title", "bad_characters")
    return None


def description_error(description: str) -> FieldError | None:
    if len(description) > DESCRIPTION_MAX:
        return FieldError("description", "too_long", (("max_length", DESCRIPTION_MAX),))
    if has_bad_characters(description, allow="\n\r\t"):
        return FieldError("description", "bad_characters")
    return None


def checked_text(field: str, sent: bytes) -> str:
    """`title` or `description` as it came, in whichever way, tidied. Raises InvalidError."""
    try:
        text = tidy(sent.decode())
    except UnicodeDecodeError:
        raise InvalidError("invalid_fields", errors=(FieldError(field, "bad_characters"),)) from None
    if error := (title_error if field == "title" else description_error)(text):
        raise InvalidError("invalid_fields", errors=(error,))
    return text


def require_idempotency_key(key: str | None) -> None:
    """Raises InvalidError."""
    if error := idempotency_key_error(key):
        raise InvalidError("invalid_fields", errors=(error,))


def idempotency_key_error(key: str | None) -> FieldError | None:
    if key is None or (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        return None
    return FieldError("Idempotency-Key", "unreadable")
