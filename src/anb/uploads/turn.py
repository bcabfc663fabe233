"""Whose turn it is to write an upload: one request's at a time, over all processes and hosts."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from anb.errors import LockedError
from anb.http.at_storage import at_storage, leave_storage
from anb.uploads.staging import StagedFile, Staging

_LONGEST_WAIT_S = 4.0
_TRY_AGAIN_S = 0.1


@asynccontextmanager
async def turn(staging: Staging, upload_id: uuid.UUID) -> AsyncIterator[StagedFile]:
    """Raises FileNotFoundError where there is no such file (any more), LockedError while another request writes it.

    A phone that lost its link comes back before the server knows that the old connection is dead. So whoever finds
    the place taken knocks and waits for a little: a writer that gets no bytes meanwhile makes room.
    """
    staged = await _hold(staging, upload_id)
    try:
        yield staged
    finally:
        await leave_storage(staged.close)


async def _hold(staging: Staging, upload_id: uuid.UUID) -> StagedFile:
    waiting_until = asyncio.get_running_loop().time() + _LONGEST_WAIT_S
    while True:
        try:
            return await at_storage(staging.hold, upload_id)
        except BlockingIOError:
            if asyncio.get_running_loop().time() > waiting_until:
                raise LockedError("upload_busy") from None
            await at_storage(staging.knock, upload_id)
        await asyncio.sleep(_TRY_AGAIN_S)
