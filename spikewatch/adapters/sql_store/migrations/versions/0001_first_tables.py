"""The first tables: tickets and counts, sources, judging, incidents, the outbox and receipts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make all tables."""
    _make_counting()
    _make_telling()


def _make_counting() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("value", sa.String, nullable=False),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("service", sa.String, nullable=False),
        sa.Column("category", sa.String, nullable=False),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("service", "category", name="uq_series_name"),
    )
    op.create_table(
        "source",
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("since", sa.BigInteger, nullable=False),
        sa.Column("cursor", sa.Text),
        sa.Column("watermark", sa.BigInteger),
        sa.Column("newest", sa.BigInteger),
        sa.Column("seen_at", sa.BigInteger, nullable=False),
        sa.Column("tickets", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "ticket",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("series_id", sa.Integer, sa.ForeignKey("series.id", name="fk_ticket_series")),
        sa.Column("counted", sa.Boolean, nullable=False),
        sa.Column("late", sa.Boolean, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "count",
        sa.Column("bucket", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column(
            "series_id", sa.Integer, sa.ForeignKey("series.id", name="fk_count_series"), primary_key=True
        ),
        sa.Column("tickets", sa.Integer, nullable=False),
        sa.Column("late", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )


def _make_telling() -> None:
    op.create_table(
        "judge",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("judged_until", sa.BigInteger),
        sa.Column("next_number", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "incident",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("phase", sa.String, nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("opened_as", sa.String, nullable=False),
        sa.Column("closed_as", sa.String),
        sa.Column("json", sa.Text, nullable=False),
        sa.UniqueConstraint("id", name="uq_incident_id"),
    )
    op.create_table(
        "outbox",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("incident", sa.String, nullable=False),
        sa.Column("receiver", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("due", sa.BigInteger, nullable=False),
        sa.Column("json", sa.Text, nullable=False),
        sa.UniqueConstraint("key", name="uq_outbox_key"),
    )
    op.create_table(
        "told",
        sa.Column("incident", sa.String, primary_key=True),
        sa.Column("channel", sa.String, primary_key=True),
        sa.Column("receipt_channel", sa.String, nullable=False),
        sa.Column("receipt_message", sa.String, nullable=False),
    )
