"""An ordered read is an index read: asked of the database itself, on both."""

from collections.abc import Callable

import pytest
from sqlalchemy import event, text
from sqlalchemy.orm import Session

from anb.db import Database
from anb.players.repository import PlaceFilter
from anb.rankings import repository as rankings
from anb.videos import repository as videos


def plans(database: Database, ask: Callable[[Session], object]) -> str:
    """What the database would do for each SELECT of `ask`."""
    asked: list[tuple[str, object]] = []
    with database.read() as session:
        connection = session.connection()
        if database.engine.dialect.name == "postgresql":
            connection.execute(text("SET enable_seqscan = off"))  # the tables are empty: a scan would be cheapest
            connection.execute(text("SET enable_bitmapscan = off"))
        event.listen(
            database.engine, "before_cursor_execute", lambda _c, _u, sql, values, _x, _m: asked.append((sql, values))
        )
        ask(session)
        statements = tuple(asked)  # for explaining them is heard, too
        prefix = "EXPLAIN QUERY PLAN " if database.engine.dialect.name == "sqlite" else "EXPLAIN "
        found = []
        for sql, values in statements:
            found += [str(row) for row in connection.exec_driver_sql(prefix + sql, values)]  # type: ignore[arg-type]
        if database.engine.dialect.name == "postgresql":
            connection.execute(text("RESET ALL"))
    return "\n".join(found)


EVERYWHERE = PlaceFilter("", "")


def listed(order: videos.Ordering) -> Callable[[Session], object]:
    return lambda session: videos.public_page(session, EVERYWHERE, order, limit=20, offset=0)


def ranked(city: str = "", country: str = "") -> Callable[[Session], object]:
    return lambda session: rankings.page(session, PlaceFilter(city, country), limit=20, offset=0)


READS: dict[str, tuple[Callable[[Session], object], str]] = {
    "newest": (listed(("created_at", "desc")), "public_newest"),
    "oldest": (listed(("created_at", "asc")), "public_newest"),
    "most voted": (listed(("votes", "desc")), "public_votes"),
    "least voted": (listed(("votes", "asc")), "public_votes"),
    "ranking": (ranked(), "ix_players_ranking"),
    "ranking of a city": (ranked(city="cali"), "ix_players_ranking_city"),
    "ranking of a country": (ranked(country="peru"), "ix_players_ranking_country"),
    "count": (lambda session: videos.public_count(session, EVERYWHERE), "ix_videos_public"),
}


@pytest.mark.parametrize("read", READS)
def test_an_ordered_read_uses_its_index(database: Database, read: str) -> None:
    ask, index = READS[read]
    assert index in plans(database, ask)
