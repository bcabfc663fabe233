"""The bell, rung by whoever waits in an event loop."""

import uuid

from anyio import to_thread
from fastapi import Request


async def ring(request: Request, video_id: uuid.UUID) -> None:
    """In threads apart from those of everything else: a broker that is silent keeps whoever rings for some seconds."""
    state = request.app.state
    await to_thread.run_sync(state.bell.ring, video_id, limiter=state.bell_threads)
