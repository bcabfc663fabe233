"""uvicorn's HTTP, but a client that ends its side early is still answered, and no head is endless."""

import asyncio

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn_worker import UvicornWorker

from anb.http import security_headers
from anb.http.problems import PROBLEM_TYPE, Problem
from anb.messages import PROBLEMS

_LARGEST_HEAD = 64 * 1024
_LONGEST_HEAD_S = 15.0
"""From its first byte to its last; as long as nginx waits (`client_header_timeout`)."""

IDLE_WHILE_DRAINING_S = 5.0
"""Longer than the proxy keeps an idle connection (`keepalive_timeout` of nginx's upstream)."""

RESUMABLE = "anb.resumable"
"""In the scope of a request: its body may end anywhere, for the client will ask how much of it came."""

STOPPING = "anb.stopping"
"""In the scope of such a request: the server is asked to stop, and what has come of the body is to be all of it."""


class HalfOpenProtocol(HttpToolsProtocol):
    """A body that is cut off ends where it was cut: the application sees that it is short and answers 400.

    uvicorn itself drops the connection, and the client never hears why. Nor does it bound what is no body (target,
    headers, trailers, chunk extensions), which its parser copies again with each piece of it that arrives.
    """

    _beside_body = 0
    """Bytes that came since the parser was last through with something."""
    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """One that never says anything is closed like one that has nothing more to say."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_here()
        self._unset_keepalive_if_required()  # uvicorn lets the timer of a connection that was reset run on
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_idle() and self._head_due is None:
            self._head_due = self.loop.call_later(_LONGEST_HEAD_S, self.transport.close)
        self._beside_body += len(data)
        super().data_received(data)
        if self._beside_body > _LARGEST_HEAD and not self.transport.is_closing():
            self._refuse()

    def _refuse(self) -> None:
        if self._is_idle():
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
        self._head_is_here()
        super().on_headers_complete()

    def _head_is_here(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

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
            cycle.scope[STOPPING] = True  # type: ignore[literal-required]  # a key of our own, as ASGI allows
            cycle.message_event.set()

    def eof_received(self) -> bool | None:  # type: ignore[override]  # asyncio's protocol; uvicorn narrows it to None
        if self._is_idle():
            return None
        cycle = self.cycle
        cycle.keep_alive = False
        cycle.more_body = False
        cycle.message_event.set()
        return True


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
            self._close_when_idle_for_long()
        elif not self.cycle.response_started:
            super().shutdown()
        # Else its head is out, without `Connection: close`: for the proxy it is a connection to be kept.

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._is_draining() and not self.transport.is_closing():
            self._close_when_idle_for_long()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        if self.cycle is not None and self._is_draining():
            self.cycle.keep_alive = False

    def _is_draining(self) -> bool:
        return getattr(self.server_state, "anb_draining", False)

    def _close_when_idle_for_long(self) -> None:
        self.loop.call_later(IDLE_WHILE_DRAINING_S, self._close_if_idle)

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
