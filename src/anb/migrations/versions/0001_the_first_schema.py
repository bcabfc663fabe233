"""The first schema"""

import sqlalchemy as sa
from alembic import op

import anb.db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "players",
        sa.Column("id", anb.db.Id(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("first_name", sa.String(length=100), nullable=False),
        sa.Column("last_name", sa.String(length=100), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("country", sa.String(length=100), nullable=False),
        sa.Column("city_key", sa.String(length=300), nullable=False),
        sa.Column("country_key", sa.String(length=300), nullable=False),
        sa.Column("created_at", anb.db.Moment(timezone=True), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("first_published_at", anb.db.Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_players")),
        sa.UniqueConstraint("email", name=op.f("uq_players_email")),
    )
    op.create_index(
        "ix_players_ranking",
        "players",
        [sa.literal_column("votes DESC"), "first_published_at", "id"],
        unique=False,
        postgresql_where=sa.text("first_published_at IS NOT NULL"),
        sqlite_where=sa.text("first_published_at IS NOT NULL"),
    )
    op.create_index(
        "ix_players_ranking_city",
        "players",
        ["city_key", sa.literal_column("votes DESC"), "first_published_at", "id"],
        unique=False,
        postgresql_where=sa.text("first_published_at IS NOT NULL"),
        sqlite_where=sa.text("first_published_at IS NOT NULL"),
    )
    op.create_index(
        "ix_players_ranking_country",
        "players",
        ["country_key", sa.literal_column("votes DESC"), "first_published_at", "id"],
        unique=False,
        postgresql_where=sa.text("first_published_at IS NOT NULL"),
        sqlite_where=sa.text("first_published_at IS NOT NULL"),
    )
    op.create_table(
        "videos",
        sa.Column("id", anb.db.Id(), nullable=False),
        sa.Column("player_id", anb.db.Id(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("created_at", anb.db.Moment(timezone=True), nullable=False),
        sa.Column("processed_at", anb.db.Moment(timezone=True), nullable=True),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("original_key", sa.String(length=100), nullable=False),
        sa.Column("original_bytes", sa.BigInteger(), nullable=False),
        sa.Column("original_sha256", sa.String(length=64), nullable=False),
        sa.Column("processed_key", sa.String(length=100), nullable=True),
        sa.Column("poster_key", sa.String(length=100), nullable=True),
        sa.Column("failure_code", sa.String(length=50), nullable=True),
        sa.Column("failure_params", sa.JSON(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=255), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("lease_until", anb.db.Moment(timezone=True), nullable=True),
        sa.Column("not_before", anb.db.Moment(timezone=True), nullable=True),
        sa.Column("rung_at", anb.db.Moment(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('pending', 'processing', 'completed', 'failed')", name=op.f("ck_videos_status")),
        sa.CheckConstraint("votes >= 0", name=op.f("ck_videos_votes")),
        sa.ForeignKeyConstraint(["player_id"], ["players.id"], name=op.f("fk_videos_player_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_videos")),
        sa.UniqueConstraint("player_id", "idempotency_key", name=op.f("uq_videos_player_id_idempotency_key")),
    )
    op.create_index(
        "ix_videos_leases",
        "videos",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status = 'processing'"),
        sqlite_where=sa.text("status = 'processing'"),
    )
    op.create_index(
        "ix_videos_pending",
        "videos",
        ["rung_at"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
        sqlite_where=sa.text("status = 'pending'"),
    )
    op.create_index("ix_videos_player", "videos", ["player_id", "created_at", "id"])
    op.create_index(
        "ix_videos_public_newest",
        "videos",
        ["created_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'completed'"),
        sqlite_where=sa.text("status = 'completed'"),
    )
    op.create_index(
        "ix_videos_public_votes",
        "videos",
        [sa.literal_column("votes DESC"), "processed_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'completed'"),
        sqlite_where=sa.text("status = 'completed'"),
    )
    op.create_table(
        "votes",
        sa.Column("video_id", anb.db.Id(), nullable=False),
        sa.Column("player_id", anb.db.Id(), nullable=False),
        sa.Column("created_at", anb.db.Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["player_id"], ["players.id"], name=op.f("fk_votes_player_id")),
        sa.ForeignKeyConstraint(["video_id"], ["videos.id"], name=op.f("fk_votes_video_id")),
        sa.PrimaryKeyConstraint("video_id", "player_id", name=op.f("pk_votes")),
    )
