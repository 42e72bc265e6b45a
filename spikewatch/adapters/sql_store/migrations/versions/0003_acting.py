"""What people do: the inbox of acts, labels and silences."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "act",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("key", sa.String, nullable=False),
        sa.Column("incident", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("received_at", sa.BigInteger, nullable=False),
        sa.Column("json", sa.Text, nullable=False),
        sa.UniqueConstraint("key", name="uq_act_key"),
    )
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
    )
    op.create_table(
        "silence",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("start", sa.BigInteger, nullable=False),
        sa.Column("end", sa.BigInteger, nullable=False),
        sa.Column("json", sa.Text, nullable=False),
    )
