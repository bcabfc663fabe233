"""Samples of the web servers, for `anb advise`"""

import sqlalchemy as sa
from alembic import op

import anb.db

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "samples",
        sa.Column("at", anb.db.Moment(timezone=True), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("web_cpu", sa.Float(), nullable=True),
        sa.Column("answer_p95_s", sa.Float(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("at", "host", name=op.f("pk_samples")),
    )
