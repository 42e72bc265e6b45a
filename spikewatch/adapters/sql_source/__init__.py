"""Ready-made counts from any database that SQLAlchemy speaks to: the database counts, and we read the result."""
