"""The store on SQL: SQLAlchemy Core, in a SQLite file or on a PostgreSQL server.

opening     from a URL to a store: where it lies, its schema, its step
sqlite_file, postgresql_server  what differs between the two, the right to be the only daemon above all
tables      the schema as the code sees it
migrations  the schema as it came to be; Alembic runs them when a store opens
store       `ports.Store`, one transaction a method
intake      what a page changes, worked out before anything is written
attributes  what services and categories were made of, each distinct set once
recounting  tickets moved to where newer rules and names count them
acting      the inbox of acts, labels and silences
rows        values to rows and back
cells, censuses  counts by bucket, and those that a source counts itself
upserts     the one place where the dialect shows
faults      what a database error tells a person
"""

from spikewatch.adapters.sql_store.opening import file_of, open_store
from spikewatch.adapters.sql_store.store import SqlStore

__all__ = ["SqlStore", "file_of", "open_store"]
