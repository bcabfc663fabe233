"""What players send, kept apart from what becomes of it: quotas that a deletion does not give back"""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

import anb.db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    arrivals = op.create_table(
        "arrivals",
        sa.Column("id", anb.db.Id(), nullable=False),
        sa.Column("player_id", anb.db.Id(), nullable=False),
        sa.Column("at", anb.db.Moment(timezone=True), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("under_way", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_arrivals")),
    )
    op.create_index("ix_arrivals_player", "arrivals", ["player_id", "at"])
    op.create_index("ix_arrivals_at", "arrivals", ["at"])
    under_way = sa.text("under_way")
    op.create_index("ix_arrivals_under_way", "arrivals", ["id"], postgresql_where=under_way, sqlite_where=under_way)
    columns = ["id", "player_id", "at", "bytes", "under_way"]
    videos = sa.table("videos", *map(sa.column, ("id", "player_id", "created_at", "original_bytes")))
    of_videos = sa.select(videos.c.id, videos.c.player_id, videos.c.created_at, videos.c.original_bytes, sa.false())
    yesterday = sa.literal(datetime.now(UTC) - timedelta(days=1), anb.db.Moment(timezone=True))
    op.execute(arrivals.insert().from_select(columns, of_videos.where(videos.c.created_at > yesterday)))
    uploads = sa.table("uploads", *map(sa.column, ("id", "player_id", "created_at", "length", "finished_at")))
    of_uploads = sa.select(uploads.c.id, uploads.c.player_id, uploads.c.created_at, uploads.c.length, sa.true())
    op.execute(arrivals.insert().from_select(columns, of_uploads.where(uploads.c.finished_at.is_(None))))
