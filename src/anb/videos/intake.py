"""A multipart body straight into storage: read once, counted, hashed and sniffed on the way, in bounded memory."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import structlog
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from anb.errors import (
    FieldError,
    InvalidError,
    MalformedError,
    UnsupportedMediaError,
)
from anb.http.at_storage import at_storage, leave_storage
from anb.storage.base import Storage, Writer
from anb.storage.trouble import StorageError, refusal
from anb.videos import upload_policy
from anb.videos.admission import too_large
from anb.videos.service import Received
from anb.videos.sniff import SNIFF_BYTES, sniff

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

log = structlog.get_logger(__name__)

_BUFFER = 1024 * 1024
_PARTS_MAX = 50  # a form of ours has three; each costs more than the bytes that it takes to send one
_FILE_FIELDS = {"file", "video_file"}
_TEXT_FIELDS = {"title", "description"}


class Intake:
    """One upload. `receive` either returns what is durable or raises and leaves nothing behind."""

    def __init__(self, storage: Storage, key_stem: str, max_bytes: int) -> None:
        self._storage = storage
        self._stem = key_stem
        self._max_bytes = max_bytes
        self._texts: dict[str, bytes] = {}
        self._buffer = bytearray()
        self._taken = 0
        self._size = 0
        self._hash = hashlib.sha256()
        self._writer: Writer | None = None
        self._key = ""
        self._header_name = b""
        self._header_value = b""
        self._field = ""
        self._seen_file = False
        self._ended = False
        self._parts = 0

    async def receive(self, body: AsyncIterator[bytes], content_type: str) -> Received:
        parser = MultipartParser(_boundary(content_type), callbacks=self._callbacks())
        try:
            async for chunk in _impatient(body):
                self._count(len(chunk))
                parser.write(chunk)
                if len(self._buffer) >= _BUFFER:
                    await at_storage(self._flush)
            self._require_end()
            title, description = self._checked_texts()
            await at_storage(self._finish)
        except BaseException as error:
            if self._writer is not None:
                await leave_storage(self._writer.abort)
            if isinstance(error, ClientDisconnect):
                raise MalformedError("body_cut_off") from error
            if isinstance(error, FormParserError):
                raise MalformedError("not_multipart") from error
            if isinstance(error, StorageError):
                log.warning("storage_fails", reason=str(error))
                raise refusal(error) from error
            raise
        return Received(self._key, self._size, self._hash.hexdigest(), title, description)

    def _count(self, length: int) -> None:
        """All of the body, for nobody looks into what is in no field of ours."""
        self._taken += length
        if self._taken > self._max_bytes + upload_policy.FORM_OVERHEAD:
            raise too_large(self._max_bytes)

    def _callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._on_header_name,
            "on_header_value": self._on_header_value,
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._on_end,
        }

    def _part_begin(self) -> None:
        self._parts += 1
        if self._parts > _PARTS_MAX:
            raise MalformedError("malformed_request")
        self._field = ""
        self._header_name = self._header_value = b""

    def _on_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            _, options = parse_options_header(self._header_value)
            self._field = options.get(b"name", b"").decode("utf-8", "replace")
        self._header_name = self._header_value = b""

    def _headers_finished(self) -> None:
        if self._field in _FILE_FIELDS:
            if self._seen_file:
                raise InvalidError("invalid_fields", errors=(FieldError(self._field, "only_one"),))
            self._seen_file = True
        elif self._field in _TEXT_FIELDS:
            self._texts[self._field] = b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._field in _FILE_FIELDS:
            self._size += end - start
            if self._size > self._max_bytes:
                raise too_large(self._max_bytes)
            self._buffer += memoryview(data)[start:end]
            if not self._key and len(self._buffer) >= SNIFF_BYTES:
                self._identify()
        elif self._field in _TEXT_FIELDS:
            self._texts[self._field] += data[start:end]
            if len(self._texts[self._field]) > upload_policy.FORM_OVERHEAD:
                raise InvalidError("invalid_fields", errors=(_too_long(self._field),))

    def _part_end(self) -> None:
        if self._field in _FILE_FIELDS and not self._key and self._size:
            self._identify()
        elif self._field in _TEXT_FIELDS:
            # Early: nobody should send 100 MB before hearing of a bad title.
            upload_policy.checked_text(self._field, self._texts[self._field])

    def _on_end(self) -> None:
        self._ended = True

    def _require_end(self) -> None:
        if not self._ended:
            raise MalformedError("body_cut_off")

    def _identify(self) -> None:
        seen = sniff(bytes(self._buffer[:SNIFF_BYTES]))
        if seen.container is None:
            raise UnsupportedMediaError("not_a_video", looks_like=seen.looks_like)
        self._key = f"{self._stem}.{seen.container.extension}"

    def _flush(self) -> None:
        if self._writer is None:
            self._writer = self._storage.create(self._key)
        self._hash.update(self._buffer)
        self._writer.write(bytes(self._buffer))
        self._buffer.clear()

    def _finish(self) -> None:
        self._flush()
        if self._writer is not None:
            self._writer.commit()

    def _checked_texts(self) -> tuple[str, str]:
        missing = [FieldError("title", "missing")] if "title" not in self._texts else []
        if not self._seen_file:
            missing.insert(0, FieldError("file", "missing"))
        elif not self._size:
            missing.insert(0, FieldError("file", "empty"))
        if missing:
            raise InvalidError("invalid_fields", errors=tuple(missing))
        return (
            upload_policy.checked_text("title", self._texts["title"]),
            upload_policy.checked_text("description", self._texts.get("description", b"")),
        )


def _too_long(field: str) -> FieldError:
    limit = upload_policy.TITLE_MAX if field == "title" else upload_policy.DESCRIPTION_MAX
    return FieldError(field, "too_long", (("max_length", limit),))


async def _impatient(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    try:
        while True:
            async with asyncio.timeout(upload_policy.LONGEST_SILENCE_S):
                chunk = await anext(body)
            yield chunk
    except StopAsyncIteration:
        return
    except TimeoutError:
        raise MalformedError("body_cut_off") from None


def _boundary(content_type: str) -> bytes:
    kind, options = parse_options_header(content_type)
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:  # RFC 2046, 5.1.1
        raise MalformedError("not_multipart")
    return boundary
