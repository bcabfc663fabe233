"""uvicorn's HTTP, but a client that ends its side early is still answered, and no head is endless."""

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn_worker import UvicornWorker

from anb.http import security_headers
from anb.http.problems import PROBLEM_TYPE, Problem
from anb.messages import PROBLEMS

_LARGEST_HEAD = 64 * 1024

IDLE_WHILE_DRAINING_S = 5.0
"""Longer than the proxy keeps an idle connection (`keepalive_timeout` of nginx's upstream)."""

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
            self.send_400_response("")
        else:  # an answer is on its way already
            self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own words
        """To what cannot be read, so that no application, and nobody's language, is known."""
        head, body = _unreadable()
        self.transport.write(head + body)
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


def _unreadable() -> tuple[bytes, bytes]:
    code = "malformed_request"
    title, detail = (PROBLEMS[code].render(spoken, {}) for spoken in ("en", "es"))
    body = orjson.dumps(Problem(title=title, status=400, code=code, detail=detail, request_id="").model_dump())
    headers = [
        (b"content-type", PROBLEM_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"content-language", b"es"),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
        *security_headers.missing([], https=False),
    ]
    lines = [b"HTTP/1.1 400 Bad Request", *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", b""]), body


class DrainingProtocol(HalfOpenProtocol):
    """Behind a proxy that keeps its connections: a server that stops hangs up on none of them.

    uvicorn itself closes an idle one at once. A vote that the proxy is just sending into it then dies, and no proxy
    sends a POST twice. So an idle connection stays open until the proxy has closed it (nginx does after 3 s), and a
    request that still comes is answered, with `Connection: close`.
    """

    def shutdown(self) -> None:
        # Told to the whole server: a connection that was just being accepted is asked by nobody.
        self.server_state.anb_draining = True  # type: ignore[attr-defined]  # uvicorn has no place for it
        if self._is_idle():
            self.loop.call_later(IDLE_WHILE_DRAINING_S, self._close_if_idle)
        else:
            super().shutdown()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.cycle is not None and getattr(self.server_state, "anb_draining", False):
            self.cycle.keep_alive = False

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _close_if_idle(self) -> None:
        if self._is_idle():
            self.transport.close()


class HalfOpenWorker(UvicornWorker):
    """For gunicorn."""

    CONFIG_KWARGS = {  # noqa: RUF012
        "loop": "uvloop",
        "http": DrainingProtocol,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,  # proxies.py reads them
    }
