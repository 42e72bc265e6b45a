"""The store on SQL: SQLAlchemy Core, on SQLite in WAL mode.

opening     from a URL to a store: the file, its lock, its schema, its step
tables      the schema as the code sees it
migrations  the schema as it came to be; Alembic runs them when a store opens
store       `ports.Store`, one transaction a method
intake      what a page changes, worked out before anything is written
rows        values to rows and back
upserts     the one place where the dialect shows
faults      what a database error tells a person
"""

from spikewatch.adapters.sql_store.opening import open_store
from spikewatch.adapters.sql_store.store import SqlStore

__all__ = ["SqlStore", "open_store"]
