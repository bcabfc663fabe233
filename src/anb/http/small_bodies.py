"""No request outside the uploads may fill the memory."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class SmallBodies:
    """Holds every body outside the uploads to a size that may be kept in memory."""

    def __init__(self, app: ASGIApp, *, max_bytes: int, except_below: tuple[str, ...]) -> None:
        self.app = app
        self.max_bytes = max_bytes
        self.except_below = tuple(f"{path}/" for path in except_below)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or f"{scope['path']}/".startswith(self.except_below):
            await self.app(scope, receive, send)
            return
        seen = 0

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.max_bytes:
                raise HTTPException(413)  # FastAPI takes any other exception here for a malformed body
            return message

        await self.app(scope, counted, send)
