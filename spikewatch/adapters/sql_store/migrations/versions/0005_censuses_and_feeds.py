"""What each source counted itself, and which series each source feeds: of the tickets that are there already, too."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make both tables, and fill the second."""
    op.create_table(
        "share",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "series_id", sa.Integer, sa.ForeignKey("series.id", name="fk_share_series"), primary_key=True
        ),
        sa.Column("tickets", sa.Integer, nullable=False),
        sa.Column("late", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "feed",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column(
            "series_id",
            sa.Integer,
            sa.ForeignKey("series.id", name="fk_feed_series", ondelete="CASCADE"),
            primary_key=True,
        ),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO feed (source, series_id)"
        " SELECT DISTINCT source, series_id FROM ticket WHERE series_id IS NOT NULL"
    )
