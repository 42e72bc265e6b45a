"""Alembic runs this: migrate on the connection it was handed, within that connection's transaction."""

from alembic import context

from spikewatch.adapters.sql_store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
)
context.run_migrations()
