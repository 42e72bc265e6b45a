"""A weekly report says of each list by name how much it leaves out, where it said two numbers."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Write the reports in the outbox as they are read now; of what the second number meant no list is left."""
    outbox = sa.table("outbox", sa.column("number", sa.Integer), sa.column("json", sa.Text))
    connection = op.get_bind()
    weekly = sa.select(outbox.c.number, outbox.c.json).where(
        outbox.c.json.contains('"unlisted":', autoescape=True)
    )
    for number, text in connection.execute(weekly).all():
        delivery = json.loads(text)
        facts = delivery["notice"]["facts"]
        if isinstance(facts.get("unlisted"), list):
            facts["unlisted"] = {"incidents": facts["unlisted"][0]}
            written = json.dumps(delivery, ensure_ascii=False)
            connection.execute(sa.update(outbox).where(outbox.c.number == number).values(json=written))
