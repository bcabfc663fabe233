import uuid
from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from anb.errors import NotFoundError
from anb.http.paging import Page, PageNumber, PageSize, Place
from anb.http.problems import problems
from anb.http.public_pages import Content
from anb.players.repository import PlaceFilter
from anb.videos import repository
from anb.videos.repository import Order, OrderBy
from anb.videos.schemas import PublicVideo, public_video

router = APIRouter(prefix="/api/public/videos", tags=["public"])

_LIST_HEADERS = {
    "X-Total-Count": {"schema": {"type": "integer"}, "description": "Videos in all pages"},
    "Link": {"schema": {"type": "string"}, "description": "first, prev, next and last page (RFC 8288)"},
}


@router.head("", include_in_schema=False)
@router.get("", response_model=list[PublicVideo], responses={200: {"headers": _LIST_HEADERS}, **problems(422)})
async def published_videos(  # noqa: PLR0913, PLR0917 - the contract's query
    request: Request,
    page: PageNumber = 1,
    page_size: PageSize = 20,
    order_by: Annotated[OrderBy, Query()] = "created_at",
    order: Annotated[Order, Query()] = "desc",
    city: Place = "",
    country: Place = "",
) -> Response:
    """Published videos, newest or most voted first."""
    asked = Page(page, page_size)
    chosen = PlaceFilter(city, country)
    query = {"page_size": page_size, "order_by": order_by, "order": order, "city": city, "country": country}

    def load(session: Session) -> Content:
        total = repository.public_count(session, chosen)
        rows = repository.public_page(session, chosen, (order_by, order), limit=page_size, offset=asked.offset)
        links = asked.links(request, query, total)
        return Content([public_video(row) for row in rows], {"X-Total-Count": str(total), **links})

    answer: Response = await request.app.state.public_pages.answer(request, load)
    return answer


@router.head("/{video_id}", include_in_schema=False)
@router.get("/{video_id}", response_model=PublicVideo, responses=problems(404))
async def published_video(request: Request, video_id: uuid.UUID) -> Response:
    """One published video."""

    def load(session: Session) -> Content:
        row = repository.public_one(session, video_id)
        if row is None:
            raise NotFoundError("video_not_found")
        return Content(public_video(row))

    answer: Response = await request.app.state.public_pages.answer(request, load)
    return answer
