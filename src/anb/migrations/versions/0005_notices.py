"""What a player should know of a published video"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # With a default of the server's own: the release before, which still serves, writes rows without it.
    op.add_column("videos", sa.Column("notices", sa.JSON(), server_default="[]", nullable=False))
