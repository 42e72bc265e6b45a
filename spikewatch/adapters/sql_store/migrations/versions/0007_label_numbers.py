"""SQLite never gives the number of a label that was removed to another one; PostgreSQL never did."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table anew, for SQLite cannot change how one counts."""
    if op.get_bind().dialect.name != "sqlite":
        return
    op.rename_table("label", "label_before")
    op.create_table(
        "label",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("service", sa.String),
        sa.Column("category", sa.String),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("recorded_at", sa.BigInteger),
        sa.Column("incident", sa.String),
        sqlite_autoincrement=True,
    )
    op.execute("INSERT INTO label SELECT * FROM label_before")
    op.drop_table("label_before")
