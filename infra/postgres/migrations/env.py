"""How Alembic runs a step here: on the connection that `infra/postgres/migrate.py` hands it, one transaction each."""

from alembic import context

from infra.postgres.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()
