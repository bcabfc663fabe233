"""A client whose beginning was not answered finds its upload by the key that it sent"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Nullable: the release before, which still serves, writes rows without it.
    op.add_column("uploads", sa.Column("idempotency_key", sa.String(length=255), nullable=True))
