"""Which services were unknown when others were judged."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column; empty means that all were known."""
    op.add_column("judge", sa.Column("behind", sa.Text))
