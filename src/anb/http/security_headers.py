"""What browsers are told about every answer, unless the answer says it of itself. Pure."""

from collections.abc import Iterable

Pair = tuple[bytes, bytes]

_ALWAYS: tuple[Pair, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
)
_OVER_TLS: Pair = (b"strict-transport-security", b"max-age=31536000")


def missing(own: Iterable[Pair], *, https: bool) -> list[Pair]:
    """To be added. HSTS only over TLS, where alone it means something (RFC 6797, 7.2)."""
    named = {name.lower() for name, _ in own}
    wanted = (*_ALWAYS, _OVER_TLS) if https else _ALWAYS
    return [pair for pair in wanted if pair[0] not in named]
