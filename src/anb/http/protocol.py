"""uvicorn's HTTP, but a client that ends its side early is still answered, and no head is endless."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn_worker import UvicornWorker

_LARGEST_HEAD = 64 * 1024

RESUMABLE = "anb.resumable"
"""In the scope of a request: its body may end anywhere, for the client will ask how much of it came."""


class HalfOpenProtocol(HttpToolsProtocol):
    """A body that is cut off ends where it was cut: the application sees that it is short and answers 400.

    uvicorn itself drops the connection, and the client never hears why. Nor does it bound what is no body (target,
    headers, trailers, chunk extensions), which its parser copies again with each piece of it that arrives.
    """

    _beside_body = 0
    """Bytes that came since the parser was last through with something."""

    def data_received(self, data: bytes) -> None:
        self._beside_body += len(data)
        super().data_received(data)
        if self._beside_body > _LARGEST_HEAD and not self.transport.is_closing():
            self._refuse()

    def _refuse(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.send_400_response("The head of the request is too large.")
        else:  # an answer is on its way already
            self.transport.close()

    def on_headers_complete(self) -> None:
        self._beside_body = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._beside_body = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._beside_body = 0
        super().on_message_complete()

    def shutdown(self) -> None:
        """The server is asked to stop: a body that can be gone on with later ends here, any other may still finish."""
        super().shutdown()
        cycle = self.cycle
        if cycle is not None and cycle.scope.get(RESUMABLE) and not cycle.response_complete:
            self._end_body(cycle)

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio's protocol; uvicorn narrows it to None
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            return None
        self._end_body(cycle)
        return True

    @staticmethod
    def _end_body(cycle: RequestResponseCycle) -> None:
        cycle.keep_alive = False
        cycle.more_body = False
        cycle.message_event.set()


class HalfOpenWorker(UvicornWorker):
    """For gunicorn."""

    CONFIG_KWARGS = {  # noqa: RUF012
        "loop": "uvloop",
        "http": HalfOpenProtocol,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,  # proxies.py reads them
    }
