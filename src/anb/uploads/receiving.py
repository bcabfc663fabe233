"""A request's body into an upload's file: piece by piece, in bounded memory, while the event loop stays free."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from starlette.types import Receive

from anb.errors import AnbError, ChecksumError, LockedError, TooLargeError
from anb.http.at_storage import at_storage, leave_storage
from anb.uploads.headers import Checksum
from anb.uploads.staging import StagedFile, Unverified, require_video
from anb.videos import upload_policy
from anb.videos.sniff import SNIFF_BYTES

if TYPE_CHECKING:
    from hashlib import _Hash

BUFFER = 256 * 1024
_GLANCE_S = 1.0
"""A body that is silent for so long is given up if somebody waits for its place."""


async def receive_into(staged: StagedFile, receive: Receive, length: int, checksum: Checksum | None) -> None:
    """Append a body. What came before a cut stays; of a body with a checksum, all of it or nothing.

    Raises where the client must hear more than the new offset; `staged.size` is right in any case.
    """
    if checksum is None:
        await _append(staged, receive, length)
    else:
        await _append_verified(staged, receive, length, checksum)


async def _append(staged: StagedFile, receive: Receive, length: int) -> None:
    buffer = bytearray()
    identified = staged.size >= SNIFF_BYTES
    try:
        async for chunk in _chunks(receive, staged.is_wanted):
            if staged.size + len(buffer) + len(chunk) > length:
                raise longer_than_declared()
            buffer += chunk
            if len(buffer) >= BUFFER or not chunk:
                await at_storage(staged.write, buffer)
                buffer = bytearray()
                if not identified and staged.size >= SNIFF_BYTES:
                    identified = True
                    await at_storage(require_video, staged)
    except _CutOffError:
        pass  # a phone that lost its link: what it sent is kept, and its next request goes on from there
    await at_storage(staged.write, buffer)
    if not identified and (staged.size >= SNIFF_BYTES or staged.size == length):
        await at_storage(require_video, staged)


async def _append_verified(staged: StagedFile, receive: Receive, length: int, checksum: Checksum) -> None:
    """Checksum: a body that does not match is discarded and the offset stays. Nor can one that was cut match."""
    digest = checksum.start()
    beside = await at_storage(staged.beside)
    came = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal came
        async for chunk in _chunks(receive, staged.is_wanted):
            came += len(chunk)
            if came > length - staged.size:
                raise longer_than_declared()
            yield chunk

    try:
        await _append_beside(beside, digest, counted())
        if digest.digest() != checksum.digest:
            raise ChecksumError("checksum_mismatch")
        before = staged.size
        await at_storage(beside.move_into, staged)
    except AnbError:
        staged.discarded += came
        raise
    finally:
        await leave_storage(beside.discard)
    if before < SNIFF_BYTES and (staged.size >= SNIFF_BYTES or staged.size == length):
        await at_storage(require_video, staged)


async def _append_beside(beside: Unverified, digest: "_Hash", chunks: AsyncIterator[bytes]) -> None:
    buffer = bytearray()

    def flush() -> None:
        digest.update(buffer)
        beside.write(buffer)

    try:
        async for chunk in chunks:
            buffer += chunk
            if len(buffer) >= BUFFER:
                await at_storage(flush)
                buffer = bytearray()
    except _CutOffError:
        raise ChecksumError("checksum_mismatch") from None
    await at_storage(flush)


def longer_than_declared() -> TooLargeError:
    return TooLargeError("longer_than_declared")


class _CutOffError(Exception):
    """The body ended, or fell silent for too long, before its end."""


async def _chunks(receive: Receive, is_wanted: Callable[[], bool]) -> AsyncIterator[bytes]:
    """An empty one is a silence: what came before it is kept now, for the phone may be about to come back for the rest,
    or to lose its next connection just as early."""
    silent_s = 0.0
    more = True
    while more:
        try:
            async with asyncio.timeout(_GLANCE_S):
                message = await receive()
        except TimeoutError:
            silent_s += _GLANCE_S
            if silent_s >= upload_policy.LONGEST_SILENCE_S:
                raise _CutOffError from None
            yield b""
            if await at_storage(is_wanted):
                raise LockedError("upload_busy") from None
            continue
        silent_s = 0.0
        if message["type"] == "http.disconnect":
            raise _CutOffError
        if chunk := message.get("body", b""):
            yield chunk
        more = message.get("more_body", False)
