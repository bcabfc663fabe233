"""Alembic's entry: runs on the connection that `migrations.upgrade` opened."""

from alembic import context

from anb.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
