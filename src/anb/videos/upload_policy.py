"""What may be uploaded. Pure."""

from anb.errors import FieldError
from anb.text import has_bad_characters, is_visible

TITLE_MAX = 200
DESCRIPTION_MAX = 5000
FORM_OVERHEAD = 64 * 1024
"""Bytes beside the file that a form may have: title, description, boundaries, headers."""


def declared_too_large(content_length: int | None, max_upload_bytes: int) -> bool:
    return content_length is not None and content_length > max_upload_bytes + FORM_OVERHEAD


def has_room(free_bytes: int | None, reserve_bytes: int, content_length: int | None) -> bool:
    """`free_bytes` is None where storage has no end."""
    return free_bytes is None or free_bytes - (content_length or 0) >= reserve_bytes


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


def idempotency_key_error(key: str | None) -> FieldError | None:
    if key is None or (1 <= len(key) <= 255 and key.isascii() and key.isprintable()):
        return None
    return FieldError("Idempotency-Key", "unreadable")
