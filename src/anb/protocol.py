"""uvicorn's HTTP, but a client that ends its side early is still answered, and no head is endless."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker

_LARGEST_HEAD = 64 * 1024


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

    CONFIG_KWARGS = {  # noqa: RUF012
        "loop": "uvloop",
        "http": HalfOpenProtocol,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,  # proxies.py reads them
    }
