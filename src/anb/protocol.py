"""uvicorn's HTTP, but a client that ends its side early is still answered."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker


class HalfOpenProtocol(HttpToolsProtocol):
    """A body that is cut off ends where it was cut: the application sees that it is short and answers 400.

    uvicorn itself drops the connection, and the client never hears why.
    """

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio's protocol; uvicorn narrows it to None
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return None
        cycle.keep_alive = False
        cycle.more_body = False
        cycle.message_event.set()
        return True


class HalfOpenWorker(UvicornWorker):
    """For gunicorn."""

    CONFIG_KWARGS = {"loop": "uvloop", "http": HalfOpenProtocol, "access_log": False, "log_config": None}  # noqa: RUF012
