"""A bad mobile link: a TCP proxy that resets connections at random bytes, until it has done so often enough."""

import random
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class CuttingProxy:
    """Each connection may carry so many bytes, drawn from a seeded source, and is then reset on both sides."""

    def __init__(self, to_port: int, cuts: int, longest: int, seed: int) -> None:
        self._to_port = to_port
        self._wanted = cuts
        self._longest = longest
        self._source = random.Random(seed)
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]
        self.cuts = 0

    @contextmanager
    def running(self) -> Iterator["CuttingProxy"]:
        accepting = threading.Thread(target=self._accept, daemon=True)
        accepting.start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            accepting.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            _Link(self, client, socket.create_connection(("127.0.0.1", self._to_port)))

    def allowance(self) -> tuple[int, int] | None:
        """Bytes that a connection may carry up and down; a third of the cuts eats an answer, also a last one."""
        with self._lock:
            if self.cuts >= self._wanted:
                return None
            if self._source.random() < 1 / 3:
                return self._longest * 1000, self._source.randrange(200)
            return self._source.randrange(1, self._longest), 1_000_000

    def count(self) -> bool:
        """False: enough were cut meanwhile by others."""
        with self._lock:
            if self.cuts >= self._wanted:
                return False
            self.cuts += 1
            return True


class _Link:
    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._ends = (client, server)
        self._allowance = proxy.allowance()
        self._lock = threading.Lock()
        self._open = True
        for source, sink, direction in ((client, server, 0), (server, client, 1)):
            threading.Thread(target=self._pump, args=(source, sink, direction), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, direction: int) -> None:
        left = self._allowance[direction] if self._allowance else None
        with suppress(OSError):
            while data := source.recv(65536):
                if left is not None:
                    if len(data) > left and self._proxy.count():
                        sink.sendall(data[:left])
                        self._close(reset=True)
                        return
                    left = max(0, left - len(data))
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
            if direction == 0:
                return  # the answer is still on its way
        self._close(reset=False)

    def _close(self, *, reset: bool) -> None:
        with self._lock:
            if not self._open:
                return
            self._open = False
        for end in self._ends:
            with suppress(OSError):
                if reset:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                end.shutdown(socket.SHUT_RDWR)
            end.close()
