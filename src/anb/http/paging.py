"""Pages of a public list: which rows, and where the others are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request
from pydantic import AfterValidator

from anb.errors import RefusedFieldError
from anb.text import has_bad_characters


def _readable(text: str) -> str:
    if has_bad_characters(text):
        raise RefusedFieldError("bad_characters")
    return text


# An offset is read through: the bound keeps a request for page ten million from costing like one.
PageNumber = Annotated[int, Query(ge=1, le=100_000)]
PageSize = Annotated[int, Query(ge=1, le=100)]
Place = Annotated[str, Query(max_length=100, description="Case and accents do not matter"), AfterValidator(_readable)]


@dataclass(frozen=True)
class Page:
    number: int
    size: int

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    def pages(self, total: int) -> int:
        return -(-total // self.size)

    def links(self, request: Request, query: Mapping[str, str | int], total: int) -> dict[str, str]:
        """RFC 8288, relative to the server that was asked. Of `query`, the route's own as it was read, they have what
        was asked; whatever else stands in the address would come back four times.
        """
        kept = {name: value for name, value in query.items() if name in request.query_params}
        last = max(self.pages(total), 1)
        wanted = {"first": 1, "prev": self.number - 1, "next": self.number + 1, "last": last}
        links = [
            f'<{request.url.path}?{urlencode({**kept, "page": number})}>; rel="{name}"'
            for name, number in wanted.items()
            if 1 <= number <= last
        ]
        return {"Link": ", ".join(links)}
