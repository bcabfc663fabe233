"""Bytes of a chatty tool into lines, in bounded memory. Pure."""

LINE_MAX = 4096
TAIL_MAX = 4096


class Lines:
    """Carriage returns end lines too. A longer line than LINE_MAX is cut; `tail` keeps the last words."""

    def __init__(self) -> None:
        self._rest = b""
        self._tail = b""

    @property
    def tail(self) -> str:
        return self._tail.decode(errors="replace")

    def feed(self, data: bytes) -> list[str]:
        """No bytes means the end: the last line needs no newline."""
        self._tail = (self._tail + data)[-TAIL_MAX:]
        *whole, self._rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        if not data or len(self._rest) > LINE_MAX:
            whole, self._rest = [*whole, self._rest], b""
        return [line[:LINE_MAX].decode(errors="replace") for line in whole if line]
