"""What a request says of its sender and its body: the language, the address, the length."""

from typing import cast

from fastapi import Request

from anb.messages import Language


def language(request: Request) -> Language:
    """Spanish unless the client prefers English."""
    return asked_language(request) or "es"


def answered_in(spoken: Language) -> dict[str, str]:
    """Headers of an answer that is its asker's alone, in words of theirs."""
    return {"Content-Language": spoken, "Vary": "Accept-Language", "Cache-Control": "no-store"}


def asked_language(request: Request) -> Language | None:
    """The first of our languages by the client's own weights (RFC 9110, 12.5.4); None when none was asked for."""
    weights: list[tuple[float, Language]] = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, parameter = part.strip().partition(";")
        primary = tag.strip().lower().split("-")[0]
        try:
            weight = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            weight = 0.0
        if primary in {"es", "en"} and weight > 0:
            weights.append((weight, cast("Language", primary)))
    return max(weights, key=lambda pair: pair[0])[1] if weights else None


def client_address(request: Request) -> str:
    """After `BehindProxies`; behind a Unix socket nobody has one."""
    return request.client.host if request.client else ""


def declared_length(request: Request) -> int | None:
    text = request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None
