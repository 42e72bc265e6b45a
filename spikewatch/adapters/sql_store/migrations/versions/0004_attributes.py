"""What services and categories were made of, so that history can be counted again under other rules."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables, and room for the attributes of a ticket."""
    op.create_table(
        "attribute",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.UniqueConstraint("name", name="uq_attribute_name"),
    )
    op.create_table(
        "attribute_set",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("members", sa.LargeBinary, nullable=False),
        sa.Column(
            "series_id",
            sa.Integer,
            sa.ForeignKey("series.id", name="fk_attribute_set_series"),
            nullable=False,
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "naming",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("digest", sa.String, nullable=False),
        sa.Column("names", sa.Text, nullable=False),
        sa.Column("pending", sa.Boolean, nullable=False),
    )
    op.create_table(
        "retired",
        sa.Column(
            "series_id",
            sa.Integer,
            sa.ForeignKey("series.id", name="fk_retired_series"),
            primary_key=True,
        ),
    )
    op.add_column("ticket", sa.Column("attributes", sa.BigInteger))
