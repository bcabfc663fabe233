"""Resumable uploads"""

import sqlalchemy as sa
from alembic import op

import anb.db

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "uploads",
        sa.Column("id", anb.db.Id(), nullable=False),
        sa.Column("player_id", anb.db.Id(), nullable=False),
        sa.Column("length", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("sent_metadata", sa.Text(), nullable=False),
        sa.Column("created_at", anb.db.Moment(timezone=True), nullable=False),
        sa.Column("expires_at", anb.db.Moment(timezone=True), nullable=False),
        sa.Column("finished_at", anb.db.Moment(timezone=True), nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.CheckConstraint("length > 0", name=op.f("ck_uploads_length")),
        sa.ForeignKeyConstraint(["player_id"], ["players.id"], name=op.f("fk_uploads_player_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
    )
    op.create_index("ix_uploads_player", "uploads", ["player_id", "created_at"])
    op.create_index("ix_uploads_expires", "uploads", ["expires_at"])
