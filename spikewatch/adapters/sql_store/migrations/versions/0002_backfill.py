"""Older history that is read beside the cursor of a source."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "backfill",
        sa.Column(
            "source",
            sa.String,
            sa.ForeignKey("source.name", name="fk_backfill_source"),
            primary_key=True,
        ),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("until", sa.BigInteger, nullable=False),
        sa.Column("cursor", sa.Text),
        sa.Column("newest", sa.BigInteger),
    )
