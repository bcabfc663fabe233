"""Alembic's entry: runs on the connection that `migrations.upgrade` opened."""

from alembic import context

import anb.players.models
import anb.videos.models
import anb.voting.models  # noqa: F401 - all models, for the comparison
from anb.db import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
context.run_migrations()
