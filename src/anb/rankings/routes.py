from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.responses import Response

from anb.http.paging import Page, PageNumber, PageSize, Place
from anb.http.problems import problems
from anb.http.public_pages import Content
from anb.players.repository import PlaceFilter
from anb.rankings import repository
from anb.rankings.schemas import Ranking, row
from anb.rankings.table import rank

router = APIRouter(prefix="/api/public/rankings", tags=["rankings"])


@router.head("", include_in_schema=False)
@router.get("", response_model=Ranking, responses=problems(422))
async def ranking(
    request: Request, page: PageNumber = 1, page_size: PageSize = 20, city: Place = "", country: Place = ""
) -> Response:
    """Who leads, one row a player with a published video."""
    asked = Page(page, page_size)
    chosen = PlaceFilter(city, country)

    def load(session: Session) -> Content:
        total = repository.count(session, chosen)
        standings = repository.page(session, chosen, limit=page_size, offset=asked.offset)
        return Content(
            {
                "rankings": [row(position, standing) for position, standing in rank(standings, asked.offset)],
                "total": total,
                "page": page,
                "page_size": page_size,
                "total_pages": asked.pages(total),
            }
        )

    answer: Response = await request.app.state.public_pages.answer(request, load)
    return answer
